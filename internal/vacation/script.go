package vacation

import (
	"fmt"
	"mime/quotedprintable"
	"strings"
	"time"

	"cofferdam/internal/sieve"
)

// DefaultText is what is answered if the person gave no words of their own (RFC
// 8621, section 8). It says nothing of them: not even until when they are away.
const DefaultText = "I am away and may not read your mail for some time. I will answer when I am back.\n\nThis answer was sent automatically."

// Extensions are those that a server's Sieve needs.
func Extensions() []string { return []string{"vacation", "date", "relational", "include"} }

// Answer is what is sent, made of the settings by somebody who can read HTML.
type Answer struct {
	Addresses []string // the person's; a mail to none of them is not answered
	Text      string   // with line ends of any kind
	HTML      string   // "": the answer has no HTML
}

// Script writes the script. Strings must be UTF-8 without NUL, a subject on one
// line.
func Script(s *Settings, a *Answer) string {
	var b strings.Builder
	appendSettings(&b, s)
	fmt.Fprintf(&b, "require %s;\r\n", sieve.QuoteList(Extensions()))
	b.WriteString("if allof (\r\n")
	b.WriteString(strings.Join(append(conditions(s), polite()...), ",\r\n"))
	b.WriteString("\r\n) {\r\n")
	appendVacation(&b, s, a)
	b.WriteString("}\r\n")
	if s.Own != "" {
		fmt.Fprintf(&b, "include :personal :optional %s;\r\n", sieve.Quote(s.Own))
	}
	return b.String()
}

// conditions are the bounds in time.
func conditions(s *Settings) (tests []string) {
	if s.From != nil {
		tests = append(tests, "  "+since(*s.From))
	}
	if s.To != nil {
		tests = append(tests, "  not "+since(*s.To))
	}
	return tests
}

// since is a test for a moment or later. It compares date and time apart, which
// have one form (RFC 5260, section 4.2), where "iso8601" has several. Sieve knows
// whole seconds: the first that is not before t counts.
func since(t time.Time) string {
	t = t.UTC()
	if t.Nanosecond() > 0 {
		t = t.Truncate(time.Second).Add(time.Second)
	}
	day, clock := sieve.Quote(t.Format(time.DateOnly)), sieve.Quote(t.Format(time.TimeOnly))
	return fmt.Sprintf("anyof (currentdate :zone \"+0000\" :value \"gt\" \"date\" %s, "+
		"allof (currentdate :zone \"+0000\" :is \"date\" %s, currentdate :zone \"+0000\" :value \"ge\" \"time\" %s))", day, day, clock)
}

// polite are RFC 3834, section 2 and RFC 5230, section 4.6: no answer to programs,
// to lists and to bulk mail. Servers look at most of it themselves, but need not.
// What the platform's filter calls spam has a forged sender as a rule.
func polite() []string {
	return []string{
		`  not exists ["List-Id", "List-Help", "List-Subscribe", "List-Unsubscribe", "List-Post", "List-Owner", "List-Archive"]`,
		`  anyof (not exists "Auto-Submitted", header :matches "Auto-Submitted" ["no", "no;*", "no *"])`,
		`  not header :is "Precedence" ["bulk", "junk", "list"]`,
		`  not header :matches ["X-Spam-Flag", "X-Spam-Status", "X-Spam"] "yes*"`,
	}
}

// appendVacation writes the command. The body is a MIME entity, so that long lines
// and two forms of it can be sent; encoded, because 7 bits pass everywhere.
func appendVacation(b *strings.Builder, s *Settings, a *Answer) {
	fmt.Fprintf(b, "  vacation :days %d", days)
	if s.Subject != nil && strings.TrimSpace(*s.Subject) != "" {
		fmt.Fprintf(b, " :subject %s", sieve.Quote(*s.Subject))
	} // else the server writes "Auto: " and the subject of the mail (RFC 5230, section 5.3)
	if len(a.Addresses) > 0 {
		fmt.Fprintf(b, " :addresses %s", sieve.QuoteList(a.Addresses[:min(len(a.Addresses), MaxAddresses)]))
	}
	b.WriteString(" :mime text:\r\n")
	for line := range strings.Lines(entity(a)) {
		if strings.HasPrefix(line, ".") {
			b.WriteByte('.')
		}
		b.WriteString(line)
	}
	b.WriteString(".\r\n  ;\r\n")
}

// boundary cannot stand in quoted-printable text, where "=" is followed by two
// digits or the end of the line.
const boundary = "=_cofferdam"

func entity(a *Answer) string {
	if a.HTML == "" {
		return part("text/plain", a.Text)
	}
	return "Content-Type: multipart/alternative; boundary=\"" + boundary + "\"\r\n\r\n" +
		"--" + boundary + "\r\n" + part("text/plain", a.Text) +
		"--" + boundary + "\r\n" + part("text/html", a.HTML) +
		"--" + boundary + "--\r\n"
}

func part(kind, text string) string {
	var b strings.Builder
	b.WriteString("Content-Type: " + kind + "; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(lines(text))) // a strings.Builder has no way to fail
	_ = w.Close()
	b.WriteString("\r\n")
	return b.String()
}

// lines gives text one kind of line end.
func lines(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r", "\n"), "\n", "\r\n")
}
