package vacation

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/sieve"
)

func ptr[T any](v T) *T { return &v }

func date(s string) *time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err) // a test's own text
	}
	return &t
}

var awkward = "\"quotes\\\" # end\r\n.\r\n..dot\n# cofferdam-vacation 1\n;}\n${hex:22}\u2028\u0085\x7f\t\x01 日本語 end " + strings.Repeat("long ", 300)

func cases() map[string]Settings {
	return map[string]Settings{
		"nothing": {},
		"all": {From: date("2026-12-24T12:00:00Z"), To: date("2027-01-07T08:30:15.25Z"), Subject: ptr("Away, \"really\""),
			Text: ptr("Back soon.\n.\n"), HTML: ptr("<p>Back <b>soon</b>.</p>"), Own: "my \"filters\"\\"},
		"empty":   {Subject: ptr(""), Text: ptr(""), HTML: ptr("")},
		"awkward": {Subject: ptr(`\" ${x} ü`), Text: &awkward, HTML: &awkward, Own: "own"},
	}
}

// TestReadBack: settings come back as they were given, from a script that the
// parser takes and in which nothing leaves the account.
func TestReadBack(t *testing.T) {
	own := func(a string) bool { return a == "ada@example.com" || a == "a@example.com" }
	for name, s := range cases() {
		t.Run(name, func(t *testing.T) {
			text := Script(&s, &Answer{Addresses: []string{"ada@example.com", "a@example.com"}, Text: awkward, HTML: "<p>" + awkward})
			script, err := sieve.Parse(text)
			if err != nil {
				t.Fatalf("%v in\n%s", err, text)
			}
			if out := script.Outward(own); len(out) != 0 {
				t.Errorf("it reaches %+v", out)
			}
			if got, _ := script.Requires(); !slices.Equal(got, Extensions()) {
				t.Errorf("it requires %q", got)
			}
			var included []string
			if s.Own != "" {
				included = []string{s.Own}
			}
			if got := script.Includes(); !slices.Equal(got, included) {
				t.Errorf("it includes %q", got)
			}
			for _, text := range []string{text, strings.ReplaceAll(text, "\r\n", "\n")} {
				if got, err := Parse(text); err != nil || !cmp.Equal(got, s) {
					t.Errorf("%v, %s", err, cmp.Diff(s, got))
				}
			}
		})
	}
}

// TestForeign: what we did not write is not taken for ours.
func TestForeign(t *testing.T) {
	good := Script(ptr(cases()["all"]), &Answer{Text: "x"})
	for name, text := range map[string]string{
		"empty":          "",
		"another":        "require \"vacation\";\r\nvacation \"away\";\r\n",
		"later version":  strings.Replace(good, head, "# cofferdam-vacation 2", 1),
		"behind a test":  "keep;\r\n" + good,
		"order":          strings.Replace(strings.Replace(good, "# to ", "# x ", 1), "# from ", "# to ", 1),
		"bad date":       strings.Replace(good, "2026-12-24T12", "2026-13-24T12", 1),
		"bad string":     strings.Replace(good, `# html "`, `# html `, 1),
		"another escape": strings.Replace(good, `# html "<`, `# html "\u003c`, 1),
		"empty own":      Script(&Settings{}, &Answer{})[:0] + strings.Replace(Script(&Settings{}, &Answer{}), "# own null", `# own ""`, 1),
		"cut off":        good[:strings.Index(good, "# own")],
	} {
		if s, err := Parse(text); !errors.Is(err, ErrForeign) {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

// argument is what follows a tag of the vacation command, or its last argument.
func argument(t *testing.T, script, tag string) []string {
	t.Helper()
	s, err := sieve.Parse(script)
	if err != nil {
		t.Fatal(err)
	}
	args := s.Commands[1].Block[0].Args
	if tag == "" {
		return args[len(args)-1].Strings
	}
	i := slices.IndexFunc(args, func(a sieve.Arg) bool { return a.Tag == tag })
	if i < 0 {
		return nil
	}
	return args[i+1].Strings
}

// TestAnswerBody: what is sent is MIME that says what was given, in both forms.
func TestAnswerBody(t *testing.T) {
	want := strings.NewReplacer("\r\n", "\n").Replace(awkward)
	read := func(r io.Reader) string {
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSuffix(strings.ReplaceAll(string(b), "\r\n", "\n"), "\n")
	}
	open := func(html string) (*mail.Message, string, map[string]string) {
		text := argument(t, Script(&Settings{}, &Answer{Text: awkward, HTML: html}), "")[0]
		for line := range strings.Lines(text) {
			if len(line) > 78 {
				t.Errorf("a line of %d bytes", len(line))
			}
		}
		m, err := mail.ReadMessage(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		return m, kind, params
	}
	if _, kind, _ := open(""); kind != "text/plain" {
		t.Errorf("without HTML: %s", kind)
	}
	m, kind, params := open("<p>" + awkward)
	if kind != "multipart/alternative" {
		t.Fatal(kind)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for _, want := range []string{want, "<p>" + want} {
		p, err := parts.NextPart() // which undoes quoted-printable
		if err != nil {
			t.Fatal(err)
		}
		if got := read(p); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if _, err := parts.NextPart(); err != io.EOF {
		t.Error(err)
	}
}

// TestSubject: without one the server makes it of the mail's.
func TestSubject(t *testing.T) {
	for want, s := range map[string]*string{"": nil, "Away": ptr("Away")} {
		got := strings.Join(argument(t, Script(&Settings{Subject: s}, &Answer{Text: "x"}), "subject"), ",")
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := argument(t, Script(&Settings{Subject: ptr(" ")}, &Answer{Text: "x"}), "subject"); got != nil {
		t.Errorf("a blank subject is sent as %q", got)
	}
}

// TestAddresses: no more of them than the limit.
func TestAddresses(t *testing.T) {
	many := slices.Repeat([]string{"ada@example.com"}, MaxAddresses+1)
	if got := argument(t, Script(&Settings{}, &Answer{Addresses: many}), "addresses"); len(got) != MaxAddresses {
		t.Errorf("%d addresses", len(got))
	}
}

// FuzzParse: whatever is read is written and read back the same, and never panics.
func FuzzParse(f *testing.F) {
	for _, s := range cases() {
		f.Add(Script(&s, &Answer{Text: "x"}))
	}
	f.Add("# cofferdam-vacation 1\n# from null\n# to null\n# subject \"\\u0000\"\n# text null\n# html null\n# own null\n# end\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(Script(&s, &Answer{Text: "x"}))
		if err != nil || !cmp.Equal(s, again) {
			t.Fatalf("%v, %s", err, cmp.Diff(s, again))
		}
	})
}
