package demo

import (
	"bufio"
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

//go:embed sample/*.txt
var sampleFiles embed.FS

// letter is one sample mail before it is made into bytes.
type letter struct {
	from    string
	to, cc  []string
	subject string
	ago     time.Duration
	text    string
	html    string // beside the text
	charset string // of the text; "" is utf-8
	folder  string // of those who get it; "" is INBOX
	attach  []string
	inline  map[string][]byte // images by content id
	headers []string          // further lines
	// only is who gets it where To names a list; nil is everybody in To and Cc.
	only []string
	// invite and reply name an event.
	invite, reply string

	flowed, unread, flagged, draft, alone, quote bool
}

// thread is a conversation: each letter answers the one before it.
type thread []letter

// sampleThreads reads the written conversations and makes the series.
func sampleThreads() ([]thread, error) {
	names, err := fs.Glob(sampleFiles, "sample/*.txt")
	if err != nil {
		return nil, err
	}
	var out []thread
	for _, name := range names {
		b, err := sampleFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		t, err := parseThread(string(b))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, t)
	}
	return append(out, sampleSeries()...), nil
}

// parseThread reads a file: "subject:" and "folder:" lines, then letters that
// begin with "@ from > to, to words...". A line ">>" quotes the letter before.
func parseThread(text string) (thread, error) {
	var out thread
	var subject, folder string
	sc := bufio.NewScanner(strings.NewReader(text))
	for sc.Scan() {
		line := sc.Text()
		head, ok := strings.CutPrefix(line, "@ ")
		switch {
		case ok:
			l, err := parseHead(head)
			if err != nil {
				return nil, err
			}
			if l.subject == "" {
				l.subject = subject
			}
			l.folder = folder
			out = append(out, l)
		case len(out) > 0 && line == ">>":
			out[len(out)-1].quote = true
		case len(out) > 0:
			out[len(out)-1].text += line + "\n"
		case strings.HasPrefix(line, "subject: "):
			subject = strings.TrimPrefix(line, "subject: ")
		case strings.HasPrefix(line, "folder: "):
			folder = strings.TrimPrefix(line, "folder: ")
		case line != "":
			return nil, fmt.Errorf("line %q before the first letter", line)
		}
	}
	return out, sc.Err()
}

// parseHead reads "tom > ada, grace cc x ago 3d4h attach png:a.png flowed".
func parseHead(s string) (letter, error) {
	var l letter
	from, rest, ok := strings.Cut(s, " > ")
	if !ok {
		return l, fmt.Errorf("letter %q names no recipient", s)
	}
	l.from = from
	before, after, hasSubject := strings.Cut(rest, " subject=")
	if hasSubject {
		rest, l.subject = before, after
	}
	words := strings.Fields(strings.ReplaceAll(rest, ", ", ","))
	l.to = strings.Split(words[0], ",")
	for i := 1; i < len(words); i++ {
		if flag := l.flag(words[i]); flag != nil {
			*flag = true
			continue
		}
		if i+1 == len(words) {
			return l, fmt.Errorf("letter %q: %s has no value", s, words[i])
		}
		if err := l.set(words[i], words[i+1]); err != nil {
			return l, fmt.Errorf("letter %q: %w", s, err)
		}
		i++
	}
	return l, nil
}

func (l *letter) flag(word string) *bool {
	switch word {
	case "flowed":
		return &l.flowed
	case "unread":
		return &l.unread
	case "flag":
		return &l.flagged
	case "draft":
		return &l.draft
	case "alone":
		return &l.alone
	}
	if word == "html" {
		l.html = "auto"
		return new(bool)
	}
	return nil
}

func (l *letter) set(key, value string) (err error) {
	switch key {
	case "cc":
		l.cc = strings.Split(value, ",")
	case "ago":
		l.ago, err = parseAgo(value)
	case "charset":
		l.charset = value
	case "attach":
		l.attach = strings.Split(value, ",")
	case "invite":
		l.invite = value
	case "reply":
		l.reply = value
	default:
		err = fmt.Errorf("unknown word %q", key)
	}
	return err
}

// parseAgo reads 3d4h, 3d or 4h.
func parseAgo(s string) (time.Duration, error) {
	days, rest, ok := strings.Cut(s, "d")
	if !ok {
		return time.ParseDuration(s)
	}
	var n int
	if _, err := fmt.Sscanf(days, "%d", &n); err != nil {
		return 0, err
	}
	d := time.Duration(n) * 24 * time.Hour
	if rest == "" {
		return d, nil
	}
	h, err := time.ParseDuration(rest)
	return d + h, err
}
