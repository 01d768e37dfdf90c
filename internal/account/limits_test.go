package account

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"cofferdam/internal/jmap"
)

func TestHeaderCacheIsBounded(t *testing.T) {
	c := newHeaderCache(8 << 20)
	subject := strings.Repeat("x", 10_000)
	for i := range 2 * maxHeaderMails {
		c.put(jmap.EmailID(fmt.Sprint(i)), &knownHeader{have: jmap.EmailPropSubject, subject: &subject})
		if len(c.byID) > maxHeaderMails || c.bytes > c.max {
			t.Fatalf("%d mails, %d bytes", len(c.byID), c.bytes)
		}
	}
	c.put("a", &knownHeader{have: jmap.EmailPropSubject, subject: &subject})
	c.put("a", &knownHeader{have: jmap.EmailPropPreview, preview: "p"})
	if k, ok := c.get("a", jmap.EmailPropSubject|jmap.EmailPropPreview); !ok || k.preview != "p" || *k.subject != subject {
		t.Errorf("two readings were not put together: %+v", k)
	}
	if _, ok := c.get("a", jmap.EmailPropTo); ok {
		t.Error("a property that was never read was found")
	}
	none := newHeaderCache(0)
	none.put("a", &knownHeader{have: jmap.EmailPropSubject, subject: &subject})
	if _, ok := none.get("a", jmap.EmailPropSubject); ok {
		t.Error("a header is remembered without memory for it")
	}
}

func TestUploadLimits(t *testing.T) {
	u := NewMemoryUploads()
	var se *jmap.SetError
	if _, _, err := u.Put(t.Context(), io.LimitReader(zeroes{}, MaxUploadBytes+1)); !errors.As(err, &se) || se.Type != jmap.SetTooLarge {
		t.Errorf("too large: %v", err)
	}
	if _, _, err := u.Put(t.Context(), io.LimitReader(zeroes{}, MaxUploadBytes)); err != nil {
		t.Fatal(err)
	}
	if !u.take(MaxUploadsBytes - MaxUploadBytes) { // as an upload does that is not whole yet
		t.Fatal("no room for another")
	}
	if _, _, err := u.Put(t.Context(), io.LimitReader(zeroes{}, MaxUploadBytes)); err != nil {
		t.Errorf("the oldest did not give way: %v", err)
	}
	if len(u.byID) != 1 {
		t.Errorf("%d uploads are there", len(u.byID))
	}
	u.take(MaxUploadsBytes - u.used)
	for id, up := range u.byID { // all room is taken by uploads that are not whole yet
		u.used, up.data = u.used-int64(len(up.data)), nil
		delete(u.byID, id)
	}
	if !u.take(MaxUploadBytes) {
		t.Fatal("no room for a third")
	}
	if _, _, err := u.Put(t.Context(), strings.NewReader("x")); !errors.As(err, &se) || se.Type != jmap.SetOverQuota {
		t.Errorf("no room: %v", err)
	}
	u.take(MaxUploadBytes - u.used)
	if u.used != MaxUploadBytes {
		t.Errorf("a refused upload left %d bytes behind", u.used-MaxUploadBytes)
	}
	broken := io.MultiReader(strings.NewReader("half"), errReader{})
	if _, _, err := u.Put(t.Context(), broken); !errors.Is(err, errBroken) || u.used != MaxUploadBytes {
		t.Errorf("a broken upload: %v, %d bytes", err, u.used)
	}
	if _, _, err := u.Open(t.Context(), UploadID{1}); !errors.Is(err, jmap.ErrNotFound) {
		t.Errorf("no upload: %v", err)
	}
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { return len(p), nil }

var errBroken = errors.New("broken")

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errBroken }

func TestBlobIDs(t *testing.T) {
	n := blobNamer{key: []byte("k")}
	body := append([]byte{blobPart, encodingBase64}, make([]byte, blobHead-2)...)
	body = append(body, 1, 2, 3)
	id := n.seal(slices.Clone(body))
	if !jmap.ValidID(string(id)) {
		t.Errorf("%q is no id", id)
	}
	got, ok := n.open(id)
	if !ok || !bytes.Equal(got, body) || section(got[blobHead:]) != "1.2.3" {
		t.Errorf("opened %v, %v", got, ok)
	}
	for i := range id {
		bad := []byte(id)
		bad[i] ^= 1
		if _, ok := n.open(jmap.BlobID(bad)); ok {
			t.Errorf("a changed id was taken, at %d", i)
		}
	}
	if _, ok := (blobNamer{key: []byte("other")}).open(id); ok {
		t.Error("an id of another account was taken")
	}
}

func TestDecoder(t *testing.T) {
	for _, c := range []struct {
		encoding byte
		in, want string
	}{
		{encodingBase64, "SGVs\r\nbG8=\r\n", "Hello"},
		{encodingBase64, "SGVsbG8", "Hello"},
		{encodingBase64, "SG!Vs bG8=", "Hello"},
		{encodingBase64, "SGVsb", "Hel"},
		{encodingBase64, "", ""},
		{encodingQuoted, "a=3Db=\r\nc", "a=bc"},
		{encodingBase64, "SGVsbG8=\r\nSGVsbG8=", "HelloHello"},
		{encodingQuoted, "50 =% more", "50 =% more"},
		{encodingUU, "begin 644 f\r\n%2&5L;&\\\r\n`\r\nend\r\n", "Hello"},
		{encodingNone, "as is", "as is"},
	} {
		got, err := io.ReadAll(decoder(strings.NewReader(c.in), c.encoding))
		if err != nil || string(got) != c.want {
			t.Errorf("%q: %q, %v; want %q", c.in, got, err, c.want)
		}
	}
}

func TestWords(t *testing.T) {
	for in, want := range map[string][]string{
		"":                      nil,
		"one two":               {"one", "two"},
		`"one two" three`:       {"one two", "three"},
		`'it is' "a \"q\" \\x"`: {"it is", `a "q" \x`},
		`"open`:                 {`"open`},
		"a\x00b\r\nc":           {"a b", "c"},
	} {
		if got := words(in); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got, err := termsOf(&jmap.EmailCondition{Text: strings.Repeat("w ", maxTerms)}); err != nil || len(got) != maxTerms {
		t.Errorf("%d words: %d terms, %v", maxTerms, len(got), err)
	}
	many := strings.Repeat("w ", maxTerms+1)
	if _, err := termsOf(&jmap.EmailCondition{Text: many}); err != jmap.UnsupportedFilter {
		t.Errorf("%d words: %v, want unsupportedFilter", maxTerms+1, err)
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add("SGVs\r\nbG8=", byte(encodingBase64))
	f.Add("a=3D=", byte(encodingQuoted))
	f.Fuzz(func(t *testing.T, in string, encoding byte) {
		if _, err := io.ReadAll(decoder(strings.NewReader(in), encoding)); err != nil {
			t.Errorf("encoding %d, %q: %v", encoding, in, err)
		}
	})
}

// TestScriptNames: a name of maxScriptLetters, in maxScriptName octets, is one; with
// one letter more it is not.
func TestScriptNames(t *testing.T) {
	for name, want := range map[string]bool{
		strings.Repeat("x", maxScriptLetters):               true,
		strings.Repeat("x", maxScriptLetters+1):             false,
		strings.Repeat("\U0001F4E7", maxScriptName/4):       true,
		strings.Repeat("\U0001F4E7", maxScriptName/4) + "x": false,
	} {
		if got := validScriptName(name); got != want {
			t.Errorf("%d octets: %v, want %v", len(name), got, want)
		}
	}
}
