package demo

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/htmlindex"
)

var fixed = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// sampleMails returns each mail of the sample logs by owner.
func sampleMails(t *testing.T) map[string][]placed {
	t.Helper()
	logs, err := sampleLogs(fixed)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]placed{}
	for owner, log := range logs {
		names := map[uint32]string{}
		good, err := readLog(bytes.NewReader(log), func(r record, body int64) error {
			switch r.Op {
			case opBox:
				names[r.Box] = r.Name
			case opMail:
				out[owner] = append(out[owner], placed{
					owner: owner, folder: names[r.Box], date: time.Unix(r.Date, 0), flags: toFlags(r.Flags), mail: log[body : body+r.Size],
				})
			}
			return nil
		})
		if err != nil || good != int64(len(log)) {
			t.Fatalf("log of %s: %d of %d bytes, %v", owner, good, len(log), err)
		}
	}
	return out
}

func TestSampleMailIsPlentiful(t *testing.T) {
	for owner, mails := range sampleMails(t) {
		folders := map[string]int{}
		biggest := 0
		for _, m := range mails {
			folders[m.folder]++
			biggest = max(biggest, len(m.mail))
			if m.date.After(fixed) {
				t.Errorf("%s: mail from the future in %s", owner, m.folder)
			}
		}
		t.Logf("%s: %d mails, %v", owner, len(mails), folders)
		if len(mails) < 150 || len(mails) > 300 {
			t.Errorf("%s has %d mails, want 150 to 300", owner, len(mails))
		}
		for _, f := range []string{"INBOX", "Sent", "Drafts", "Trash", "Junk", "Archive", "Lists/Lighthouse Keepers", "Newsletters"} {
			if folders[f] == 0 {
				t.Errorf("%s: %s is empty", owner, f)
			}
		}
		if biggest < 1<<20 {
			t.Errorf("%s: largest mail has %d bytes, want a megabyte", owner, biggest)
		}
	}
}

func TestSampleMailIsTheSameEachTime(t *testing.T) {
	a, err := sampleLogs(fixed)
	if err != nil {
		t.Fatal(err)
	}
	b, err := sampleLogs(fixed)
	if err != nil {
		t.Fatal(err)
	}
	for owner := range a {
		if !bytes.Equal(a[owner], b[owner]) {
			t.Errorf("%s: two runs differ", owner)
		}
	}
}

// TestSampleMailIsWellFormed reads each mail with another parser than the one
// that could have the same faults.
func TestSampleMailIsWellFormed(t *testing.T) {
	kinds, charsets, scripts := map[string]int{}, map[string]int{}, map[string]bool{}
	ids := map[string]bool{}
	for owner, mails := range sampleMails(t) {
		for _, p := range mails {
			bare := strings.ReplaceAll(string(p.mail), "\r\n", "")
			if strings.ContainsAny(bare, "\r\n\x00") {
				t.Errorf("%s: bare line break or NUL in a mail of %s", owner, p.folder)
			}
			m, err := netmail.ReadMessage(bytes.NewReader(p.mail))
			if err != nil {
				t.Errorf("%s: %v", owner, err)
				continue
			}
			checkHeader(t, m.Header)
			ids[m.Header.Get("Message-ID")] = true
			if ref := m.Header.Get("In-Reply-To"); ref != "" && !strings.Contains(m.Header.Get("References"), ref) {
				t.Errorf("References lack %s", ref)
			}
			walkParts(t, m.Header.Get, m.Body, kinds, charsets)
			text := newSearchText(p.mail)
			noteScripts(scripts, text.headText()+text.bodyText())
		}
	}
	for _, k := range []string{
		"text/plain", "text/html", "text/calendar", "multipart/mixed", "multipart/alternative", "multipart/related",
		"image/png", "application/pdf", "application/zip", "text/csv", "application/ics",
	} {
		if kinds[k] == 0 {
			t.Errorf("no part of type %s", k)
		}
	}
	for _, c := range []string{"utf-8", "iso-2022-jp", "gb18030", "euc-kr", "koi8-r", "big5", "iso-8859-1", "iso-8859-2"} {
		if charsets[c] == 0 {
			t.Errorf("no text in %s", c)
		}
	}
	for _, s := range sampleWords() {
		if !scripts[s] {
			t.Errorf("nothing says %q", s)
		}
	}
	t.Logf("%d different mails, types %v, charsets %v", len(ids), kinds, charsets)
}

// sampleWords is a word each of 25 languages, after decoding.
func sampleWords() []string {
	return []string{
		"streuselkuchen", "the tide clock", "fromage", "biblioteca", "sardinhas", "ricetta", "gracht", "żółta", "střelec",
		"fyrlampan", "saunan", "γιαγιάς", "самовар", "лелеки", "kronometre", "الليمون", "המגדלור", "दादाजी", "หอดูดาว",
		"đèn lồng", "望遠鏡", "김치", "风筝", "茶樓", "palacsinta",
	}
}

func noteScripts(seen map[string]bool, text string) {
	for _, w := range sampleWords() {
		if strings.Contains(text, fold(w)) {
			seen[w] = true
		}
	}
}

func checkHeader(t *testing.T, h netmail.Header) {
	t.Helper()
	if _, err := h.Date(); err != nil {
		t.Errorf("Date %q: %v", h.Get("Date"), err)
	}
	for _, k := range []string{"From", "To"} {
		p := netmail.AddressParser{WordDecoder: &mime.WordDecoder{CharsetReader: func(charset string, r io.Reader) (io.Reader, error) {
			enc, err := htmlindex.Get(charset)
			if err != nil {
				return nil, err
			}
			return enc.NewDecoder().Reader(r), nil
		}}}
		list, err := p.ParseList(h.Get(k))
		if err != nil {
			t.Errorf("%s %q: %v", k, h.Get(k), err)
		}
		for _, a := range list {
			if strings.ContainsRune(a.Name, '\ufffd') {
				t.Errorf("%s: damaged name %q", k, a.Name)
			}
		}
	}
	if s := decodeWords(h.Get("Subject")); s == "" || strings.Contains(s, "=?") || strings.ContainsRune(s, '\ufffd') {
		t.Errorf("Subject %q reads %q", h.Get("Subject"), s)
	}
}

func walkParts(t *testing.T, get func(string) string, r io.Reader, kinds, charsets map[string]int) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(get("Content-Type"))
	if err != nil {
		t.Errorf("Content-Type %q: %v", get("Content-Type"), err)
		return
	}
	kinds[kind]++
	if params["charset"] != "" {
		charsets[params["charset"]]++
	}
	if !strings.HasPrefix(kind, "multipart/") {
		b, err := io.ReadAll(decodeTransfer(get("Content-Transfer-Encoding"), r))
		if err != nil || len(b) == 0 {
			t.Errorf("%s part: %d bytes, %v", kind, len(b), err)
		}
		if cs := params["charset"]; cs != "" && strings.ContainsRune(decodeCharset(cs, b), '\ufffd') {
			t.Errorf("%s part in %s does not decode", kind, cs)
		}
		return
	}
	mr := multipart.NewReader(r, params["boundary"])
	for {
		p, err := mr.NextRawPart()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			return
		}
		walkParts(t, p.Header.Get, p, kinds, charsets)
	}
}

func TestBadSampleFiles(t *testing.T) {
	for name, text := range map[string]string{
		"stray line":   "hello\n",
		"no recipient": "@ ada\n",
		"unknown word": "@ ada > grace sing loudly\n",
		"no value":     "@ ada > grace ago\n",
		"bad time":     "@ ada > grace ago soon\n",
	} {
		if _, err := parseThread(text); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// What a start gives: people with mail, and folders that have their uses.
func TestStart(t *testing.T) {
	p := start(t, Options{})
	for i := range p.Users {
		c := connect(t, p, i)
		c.ok("SELECT INBOX")
		c.ok("FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)")
	}
	c := connect(t, p, 0)
	out := c.ok(`LIST (SPECIAL-USE) "" * RETURN (SPECIAL-USE)`)
	want(t, out, `\Sent`, `\Drafts`, `\Trash`, `\Junk`, `\Archive`)
}

// How long a newcomer waits for the platform; e2e/browser waits for the whole demo.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		p, err := Start(b.Context(), Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := p.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
