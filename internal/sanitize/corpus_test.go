package sanitize

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func corpusDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("COFFERDAM_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	dir = filepath.Join(dir, "corpus")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no corpus at %s (set COFFERDAM_SHARED)", dir)
	}
	return dir
}

var testOptions = Options{
	CID:    func(cid string) (string, bool) { return "/b/" + strings.Map(onlyWord, cid), true },
	Remote: nil,
}

func onlyWord(r rune) rune {
	if r < 0x80 && isNameByte(byte(r)) {
		return r
	}
	return '-'
}

// TestHostileHTML holds the pass condition of the hostile-html lists: nothing
// runs, nothing loads, nothing is outside of the lists.
func TestHostileHTML(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(corpusDir(t), "hostile-html", "*.json"))
	if len(files) == 0 {
		t.Skip("no lists")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			hostileList(t, file)
		})
	}
}

func hostileList(t *testing.T, file string) {
	var list []struct{ ID, Kind, Payload string }
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	total, asText := 0, 0
	for i, p := range list {
		if i%stride != 0 {
			continue
		}
		for j, src := range wrapped(p.Kind, p.Payload) {
			// Every payload as it is, and in one of the other places; in all of
			// them when asked for.
			if j > 0 && j != 1+i%5 && os.Getenv("COFFERDAM_FULL") == "" && p.Kind != "css" {
				continue
			}
			total++
			r := HTML(context.Background(), src, testOptions)
			if r.IsText {
				asText++
			}
			if err := check(r.Document); err != nil {
				t.Errorf("%s: %v\n%s", p.ID, err, p.Payload)
			}
		}
		if i%4 == 0 {
			if err := check(Text(p.Payload, TextOptions{}).Document); err != nil {
				t.Errorf("%s as text: %v\n%s", p.ID, err, p.Payload)
			}
		}
	}
	t.Logf("%d documents, %d shown as text", total, asText)
}

// wrapped are the places in which a payload is tried.
func wrapped(kind, payload string) []string {
	if kind == "css" {
		return []string{
			"<style>" + payload + "</style><p class=x>text",
			"<p style='" + strings.ReplaceAll(payload, "'", "&#39;") + "'>text",
		}
	}
	return []string{
		payload,
		"<!DOCTYPE html><html><body><table><tr><td>" + payload + "</td></tr></table></body></html>",
		`<p title="` + payload + `">x</p>`,
		`<a href="` + payload + `">x</a>`,
		`<img src='` + payload + `'>`,
		`<p style="` + payload + `">x</p>`,
	}
}

// TestEmailHTML asserts that honest mail keeps its text.
func TestEmailHTML(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(corpusDir(t), "email-html", "files", "*"))
	if len(files) == 0 {
		t.Skip("no files")
	}
	shown, words, lost := 0, 0, 0
	for i, file := range files {
		name := filepath.Base(file)
		if i%stride != 0 {
			continue
		}
		if strings.Contains(name, ".expected") || strings.Contains(name, ".tokens") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r := HTML(context.Background(), string(data), testOptions)
		if err := check(r.Document); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if r.IsText {
			t.Errorf("%s: shown as text: %s", name, r.Findings.Fallback)
			continue
		}
		shown++
		n, missing := missingWords(visibleText(string(data)), visibleText(r.Document))
		words, lost = words+n, lost+len(missing)
		if len(missing)*10 > n {
			t.Errorf("%s: %d of %d words lost: %.300q", name, len(missing), n, missing)
		}
	}
	t.Logf("%d mails, %d words, %d lost", shown, words, lost)
}

// missingWords are the words of want, in order, that got does not have.
func missingWords(want, got string) (n int, missing []string) {
	have := map[string]int{}
	for _, w := range strings.Fields(got) {
		have[w]++
	}
	for _, w := range strings.Fields(want) {
		n++
		if have[w]--; have[w] < 0 {
			missing = append(missing, w)
		}
	}
	return n, missing
}

func ExampleHTML() {
	r := HTML(context.Background(), `<p onclick="x()">Hello <img src="https://t.example/p.gif" width=1 height=1> <a href="https://evil.example/">bank.example</a>`, Options{})
	fmt.Println(r.Document[strings.Index(r.Document, "<body>"):])
	fmt.Println(r.Findings.Remote, r.Findings.RemoteHosts, r.Findings.Trackers, r.Findings.Removed)
	// Output:
	// <body><div id="mail"><div><p>Hello <img width="1" height="1"> <a href="https://evil.example/" target="_blank" rel="noopener noreferrer">bank.example</a></p></div></div></body></html>
	// 1 [t.example] 1 [script]
}
