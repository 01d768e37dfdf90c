package vacation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"cofferdam/internal/jmap"
)

// ScriptName is the name that the script is kept by.
const ScriptName = "cofferdam-vacation"

// ErrForeign says that a script is not of our making, or of a later release.
var ErrForeign = errors.New("not a vacation script of ours")

// Settings are what a person chose (RFC 8621, section 8). Whether it is in force
// is whether the script is the active one.
type Settings struct {
	From, To   *time.Time // nil: no bound
	Subject    *string
	Text, HTML *string
	Own        string // the person's own script, which ours includes; "": none
}

// head is the line that begins the settings; its number is the version of their
// form.
const head = "# cofferdam-vacation 1"

// preface is for who comes upon the script in another program.
const preface = "# This is your vacation response as your webmail keeps it. Change it there: what\r\n" +
	"# is changed here is overwritten.\r\n#\r\n"

// appendSettings writes the comment: a line a setting, each a JSON string or null.
func appendSettings(b *strings.Builder, s *Settings) {
	b.WriteString(preface + head + "\r\n")
	line := func(name string, v *string) {
		b.WriteString("# " + name + " " + encode(v) + "\r\n")
	}
	line("from", dateText(s.From))
	line("to", dateText(s.To))
	line("subject", s.Subject)
	line("text", s.Text)
	line("html", s.HTML)
	if s.Own == "" {
		line("own", nil)
	} else {
		line("own", &s.Own)
	}
	b.WriteString("# end\r\n")
}

func dateText(t *time.Time) *string {
	if t == nil {
		return nil
	}
	s := string(jmap.AppendUTCDate(nil, *t))
	return &s
}

// encode writes a string on one line: JSON escapes all control characters, so that
// no value can end the comment.
func encode(v *string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // a string has no way to fail
	return strings.NewReplacer("\x7f", `\u007f`, "\u0085", `\u0085`).Replace(strings.TrimSuffix(b.String(), "\n"))
}

// Parse reads the settings back. It takes what Script writes and nothing else, but
// that a server may have changed the ends of lines. ErrForeign: they are not there.
func Parse(script string) (Settings, error) {
	r := reader{rest: strings.ReplaceAll(script, "\r\n", "\n")}
	if !r.until(head) {
		return Settings{}, ErrForeign
	}
	var s Settings
	s.From, s.To = r.date("from"), r.date("to")
	s.Subject, s.Text, s.HTML = r.value("subject"), r.value("text"), r.value("html")
	if own := r.value("own"); own != nil {
		s.Own = *own
		r.expect(s.Own != "", "own")
	}
	r.expect(r.line() == "# end", "end")
	return s, r.err
}

// reader reads the comment line by line; the first thing that is wrong stays in
// err.
type reader struct {
	rest string
	err  error
}

func (r *reader) line() string {
	line, rest, _ := strings.Cut(r.rest, "\n")
	r.rest = rest
	return line
}

// until skips the comments before a line, and the line.
func (r *reader) until(line string) bool {
	for strings.HasPrefix(r.rest, "#") {
		if r.line() == line {
			return true
		}
	}
	return false
}

func (r *reader) expect(ok bool, name string) {
	if !ok && r.err == nil {
		r.err = fmt.Errorf("setting %s: %w", name, ErrForeign)
	}
}

func (r *reader) value(name string) *string {
	text, ok := strings.CutPrefix(r.line(), "# "+name+" ")
	var v *string
	ok = ok && json.Unmarshal([]byte(text), &v) == nil && encode(v) == text
	r.expect(ok, name)
	return v
}

func (r *reader) date(name string) *time.Time {
	v := r.value(name)
	if v == nil {
		return nil
	}
	t, ok := jmap.ParseUTCDate(*v)
	r.expect(ok, name)
	return &t
}
