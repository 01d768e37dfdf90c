package message

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// stalwartMail is what the authors of stalwart-mail-parser expect of a message.
type stalwartMail struct {
	HTML        []int `json:"html_body"`
	Text        []int `json:"text_body"`
	Attachments []int `json:"attachments"`
	Parts       []struct {
		Headers []struct {
			Name  any `json:"name"`
			Value any `json:"value"`
		} `json:"headers"`
		Body any `json:"body"`
	} `json:"parts"`
}

// TestExpectedStalwart compares contents of the body lists, subject and names
// with the .expected.json files.
func TestExpectedStalwart(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(corpusDir(t), "mail-mime", "files", "stalwart-*.eml"))
	if len(files) == 0 {
		t.Skip("no files")
	}
	same := 0
	for _, file := range files {
		name := strings.TrimPrefix(filepath.Base(file), "stalwart-mail-parser--")
		raw := readFile(t, file)
		var want stalwartMail
		if err := json.Unmarshal(readFile(t, file+".expected.json"), &want); err != nil {
			t.Fatal(err)
		}
		m := Parse(raw)
		got, expect := stalwartView(m), want.view()
		if why, ok := stalwartDiffers[name]; ok {
			if cmp.Diff(expect, got) == "" {
				t.Errorf("%s: no longer differs: %s", name, why)
			}
			continue
		}
		if d := cmp.Diff(expect, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
			continue
		}
		same++
	}
	t.Logf("%d of %d agree", same, len(files))
}

// mailView is what is compared: texts without regard to white space at ends.
type mailView struct {
	Subject           string
	From              []Address
	Text, HTML, Other []string
}

func stalwartView(m *Message) mailView {
	b := m.Bodies()
	v := mailView{Subject: m.Header.Text("Subject"), Text: contents(b.Text), HTML: contents(b.HTML), Other: contents(b.Attachments)}
	if f, ok := m.Header.Last("From"); ok {
		v.From = f.Addresses()
	}
	return v
}

func contents(parts []*Part) []string {
	out := []string{}
	for _, p := range parts {
		switch {
		case p.IsText():
			out = append(out, squash(p.Value(0).Value))
		case p.Embedded != nil:
			out = append(out, "message")
		default:
			data, _ := p.Decoded()
			out = append(out, squash(string(data)))
		}
	}
	return out
}

// squash collapses white space, and makes what is long or binary a digest.
func squash(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 60 || !utf8.ValidString(s) {
		return fmt.Sprintf("%.40q… %d bytes %x", s, len(s), sha256.Sum256([]byte(s)))
	}
	return s
}

func (w stalwartMail) view() mailView {
	v := mailView{Text: w.contents(w.Text), HTML: w.contents(w.HTML), Other: w.contents(w.Attachments)}
	for _, h := range w.Parts[0].Headers {
		value, _ := h.Value.(map[string]any)
		switch h.Name {
		case "subject":
			v.Subject, _ = value["Text"].(string)
		case "from":
			v.From = stalwartAddresses(value["Address"])
		}
	}
	return v
}

func stalwartAddresses(v any) []Address {
	m, _ := v.(map[string]any)
	out := []Address{}
	list, _ := m["List"].([]any)
	groups, _ := m["Group"].([]any)
	for _, g := range groups {
		gm, _ := g.(map[string]any)
		l, _ := gm["addresses"].([]any)
		list = append(list, l...)
	}
	for _, a := range list {
		am, _ := a.(map[string]any)
		name, _ := am["name"].(string)
		email, _ := am["address"].(string)
		out = append(out, Address{Name: name, Email: email})
	}
	return out
}

func (w stalwartMail) contents(list []int) []string {
	out := []string{}
	for _, i := range list {
		body, _ := w.Parts[i].Body.(map[string]any)
		for kind, v := range body {
			switch x := v.(type) {
			case string:
				out = append(out, squash(x))
			case []any:
				b := make([]byte, len(x))
				for j, n := range x {
					f, _ := n.(float64)
					b[j] = byte(f)
				}
				out = append(out, squash(string(b)))
			default:
				if kind != "Message" {
					out = append(out, kind)
					continue
				}
				out = append(out, "message")
			}
		}
	}
	return out
}

// stalwartDiffers are the messages where we decide otherwise, and why.
var stalwartDiffers = map[string]string{
	"legacy__022.eml":     "a raw ISO-8859-1 subject is read as such, not as U+FFFD",
	"legacy__035.eml":     "RFC 8621 attachments: a picture that is in textBody and htmlBody is not in the list",
	"legacy__044.eml":     "the same",
	"legacy__048.eml":     "the same, and x-uuencode is decoded",
	"malformed__000.eml":  "parts without header or body are empty text, as Dovecot has them",
	"malformed__001.eml":  "the longest matching boundary wins, as with Dovecot",
	"malformed__002.eml":  "a multipart without its boundary shows its text as body",
	"malformed__003.eml":  "the same",
	"malformed__004.eml":  "the same",
	"malformed__008.eml":  "a line of an outer boundary ends the inner parts (RFC 2046, 5.1.2)",
	"malformed__009.eml":  "the same",
	"malformed__012.eml":  "the same",
	"malformed__013.eml":  "a boundary line at the very end begins an empty part, as with Dovecot",
	"malformed__014.eml":  "the same",
	"malformed__022.eml":  "message/rfc822 holds a message, whatever it looks like",
	"rfc__000.eml":        "pictures in both lists are not attachments; base64 of prose is decoded",
	"thirdparty__000.eml": "NULs are dropped",
	"thirdparty__002.eml": "invalid base64 is decoded as far as it goes",
}

// TestExpectedMime4j compares the nesting of parts with the .expected.xml files.
func TestExpectedMime4j(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(corpusDir(t), "mail-mime", "files", "james-mime4j-*.expected.xml"))
	if len(files) == 0 {
		t.Skip("no files")
	}
	same := 0
	for _, file := range files {
		msg := strings.TrimSuffix(file, ".expected.xml")
		name := strings.TrimPrefix(filepath.Base(msg), "james-mime4j--")
		got := "message(" + outline(Parse(readFile(t, msg)).Body) + ")"
		want := xmlOutline(readFile(t, file))
		if why, ok := mime4jDiffers[name]; ok {
			if got == want {
				t.Errorf("%s: no longer differs: %s", name, why)
			}
			continue
		}
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
			continue
		}
		same++
	}
	t.Logf("%d of %d agree", same, len(files))
}

// mime4jDiffers are the messages where we decide otherwise, and why.
var mime4jDiffers = map[string]string{
	"mimetools-testmsgs__badbound.msg":     "a multipart without parts shows its text as one part",
	"testmsgs__missing-boundary.msg":       "the same",
	"testmsgs__missing-inner-boundary.msg": "the same",
}

func outline(p *Part) string {
	switch {
	case p.IsMultipart():
		s := "multipart("
		for i, sub := range p.SubParts {
			if i > 0 {
				s += " "
			}
			s += outline(sub)
		}
		return s + ")"
	case p.Embedded != nil:
		return "message(" + outline(p.Embedded.Body) + ")"
	}
	return "body"
}

// xmlOutline reads the same outline from mime4j's notation, by its tags alone:
// some of the files are not valid XML.
func xmlOutline(data []byte) string {
	var out strings.Builder
	for _, tag := range regexp.MustCompile(`</?(message|multipart|body)>`).FindAllString(string(data), -1) {
		switch {
		case tag == "<body>":
			out.WriteString(" body")
		case tag == "</body>":
		case tag[1] == '/':
			out.WriteString(")")
		default:
			out.WriteString(" " + strings.Trim(tag, "<>") + "(")
		}
	}
	return strings.ReplaceAll(strings.TrimSpace(out.String()), "( ", "(")
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
