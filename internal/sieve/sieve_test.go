package sieve

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func mine(address string) bool {
	return strings.EqualFold(address, "ann@example.org") || strings.EqualFold(address, "info@example.org")
}

func TestOutward(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"filing", `require ["fileinto", "variables"]; set "x" "y"; if header :is "subject" "${x}" { fileinto "a"; stop; } else { keep; }`, ""},
		{"redirect", `if true { redirect "eve@example.net"; }`, "redirect eve@example.net fixed"},
		{"redirect with a copy", `redirect :copy "eve@example.net";`, "redirect eve@example.net fixed"},
		{"redirect to oneself", `redirect "Info@example.org";`, ""},
		{"redirect to a variable", `redirect "${who}";`, "redirect ${who} open"},
		{"own address with a variable in it", `redirect "ann@example.org${x}";`, "redirect ann@example.org${x} open"},
		{"redirect to a list", `redirect :list "tag:friends";`, "redirect tag:friends open"},
		{"encoded character", `redirect "eve${hex:40}example.net";`, "redirect eve${hex:40}example.net open"},
		{"escapes", `redirect "e\ve@example.net";`, "redirect eve@example.net fixed"},
		{"multi-line", "redirect text:\r\neve@example.net\r\n.\r\n;", "redirect eve@example.net\r\n fixed"},
		{"upper case", `REDIRECT "eve@example.net";`, "redirect eve@example.net fixed"},
		{"after comments", "# redirect\r\n/* x */ redirect /* ; */ \"eve@example.net\" # y\r\n;", "redirect eve@example.net fixed"},
		{"in a string", `keep; fileinto "redirect \"eve@example.net\";";`, ""},
		{"in a comment", "/* redirect \"eve@example.net\"; */ # redirect \"eve@example.net\";\n keep;", ""},
		{"in an else", `if false {} elsif true {} else { if anyof (false, not true) { redirect "eve@example.net"; } }`, "redirect eve@example.net fixed"},
		{"notify", `notify :importance "1" :message "mail!" "mailto:eve@example.net";`, "notify mailto:eve@example.net fixed"},
		{"notify, old", `notify :method "mailto" :options ["eve@example.net", "x"] :message "m";`, "notify mailto fixed, notify eve@example.net fixed, notify x fixed"},
		{"notify from somebody", `notify :from "eve@example.net" "xmpp:x";`, "notify eve@example.net fixed, notify xmpp:x fixed"},
		{"notify with a tag that is not known", `notify :fcc "INBOX" "mailto:x";`, "notify  open, notify INBOX fixed, notify mailto:x fixed"},
		{"vacation", `vacation :days 7 :subject "away" :addresses ["info@example.org", "ann@example.org"] :from "Ann <ann@example.org>" :handle "h" "I am away";`, ""},
		{"vacation from somebody", `vacation :from "eve@example.net" "x";`, "vacation eve@example.net fixed"},
		{"vacation for others", `vacation :addresses ["ann@example.org", "boss@example.org"] "x";`, "vacation boss@example.org fixed"},
		{"vacation as MIME", "vacation :mime \"Content-Type: text/html\r\n charset=utf-8\r\n\r\nFrom: x\";", ""},
		{"vacation with other fields", "vacation :mime \"Content-Type: text/html\r\nFrom: boss@example.org\r\n\r\nx\";", "vacation  open"},
		{"vacation with a variable as field", "vacation :mime \"${x}\r\n\r\nx\";", "vacation  open"},
		{"vacation with a tag that is not known", `vacation :via "x" "y";`, "vacation  open"},
		{"a program", `pipe "program";`, "pipe  open"},
		{"a program as a test", `if anyof (true, execute "program") { keep; }`, "execute  open"},
		{"a report", `report "abuse" "x" "eve@example.net";`, "report  open"},
		{"reject", `reject "no";`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Parse(c.src)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, o := range s.Outward(mine) {
				got = append(got, o.Kind+" "+o.Value+map[bool]string{true: " fixed", false: " open"}[o.Fixed])
			}
			if d := cmp.Diff(c.want, strings.Join(got, ", ")); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	deep := strings.Repeat("if true {", MaxDepth+1) + strings.Repeat("}", MaxDepth+1)
	for _, c := range []struct{ name, src, want string }{
		{"bare CR", "# x\rredirect \"a@b\";", "carriage return"},
		{"NUL", "keep;\x00", "NUL"},
		{"not UTF-8", "keep; # \xff", "UTF-8"},
		{"no semicolon", "keep", "unexpected the end"},
		{"string without end", "fileinto \"a;\n\n", "line 1: a string without an end"},
		{"comment without end", "/* keep;", "comment without an end"},
		{"text without end", "vacation text:\na\n..\n;", "single dot"},
		{"text that goes on", "vacation text: x\n.\n;", "end of its line"},
		{"empty list", "require [];", "unexpected ]"},
		{"list with a comma too many", `require ["a",];`, "unexpected ]"},
		{"number in a list", `require [1];`, "unexpected a number"},
		{"large number", "keep 2147483648;", "2147483647"},
		{"number and letters", "keep 10kb;", "letters"},
		{"block without end", "if true { keep;", "unexpected the end"},
		{"closing too much", "keep; }", "unexpected }"},
		{"too deep", deep, "nested deeper"},
		{"tests too deep", "if " + strings.Repeat("not ", MaxDepth+1) + "true {}", "nested deeper"},
		{"too many", strings.Repeat("a;", MaxNodes+1), "more than 50000"},
		{"too long", strings.Repeat(" ", MaxScript+1), "more than 524288"},
		{"third line", "keep;\r\nkeep;\r\n!", "line 3:"},
		{"backslash at the end of a line", "fileinto \"a\\\r\nb\";", "backslash"},
		{"backslash at the end", `fileinto "\`, "without an end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if s, err := Parse(c.src); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, %v, want an error with %q", s, err, c.want)
			}
		})
	}
}

// The limits are what may be, and no less.
func TestParseAtLimits(t *testing.T) {
	for name, src := range map[string]string{
		"deep": strings.Repeat("if true {", MaxDepth-1) + "keep;" + strings.Repeat("}", MaxDepth-1),
		"many": strings.Repeat("a;", MaxNodes),
		"long": "keep;" + strings.Repeat(" ", MaxScript-5),
	} {
		if _, err := Parse(src); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRequiresAndIncludes(t *testing.T) {
	src := "# mine\r\nrequire [\"include\", \"fileinto\"];\r\nrequire \"date\"; if true { include :personal \"one\"; }\r\ninclude :global \"site\"; include :once \"two\";"
	s, err := Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	ext, rest := s.Requires()
	if d := cmp.Diff([]string{"include", "fileinto", "date"}, ext); d != "" || !strings.HasPrefix(src[rest:], " if true") {
		t.Errorf("%s, rest %q", d, src[rest:])
	}
	if d := cmp.Diff([]string{"one", "two"}, s.Includes()); d != "" {
		t.Error(d)
	}
	if !s.Calls("include") || s.Calls("vacation", "reject") {
		t.Error("Calls finds what is not there, or not what is")
	}
}

// FuzzParse: whatever a script is, reading it ends, and a redirect behind it is
// seen. What Quote writes is read as it was.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"keep;", "require [\"a\"]; if allof (true, not header :is [\"a\", \"b\"] 10K) { stop; } # x\n",
		"vacation text: # c\r\n..a\r\n.\r\n;", "/* */ redirect :copy \"a\\\"b@c\";", "if true { notify :method \"x\"; }"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		s, err := Parse(src)
		if err != nil {
			return
		}
		s.Outward(mine)
		s.Includes()
		_, rest := s.Requires()
		if rest < 0 || rest > len(src) {
			t.Fatalf("require ends at %d of %d", rest, len(src))
		}
		more, err := Parse(src + "\nredirect \"eve@example.net\";")
		if err != nil {
			return // over a limit
		}
		found := more.Outward(mine)
		if len(found) == 0 || found[len(found)-1].Value != "eve@example.net" {
			t.Fatalf("a redirect was not seen: %+v", found)
		}
		text := strings.ReplaceAll(strings.ReplaceAll(src, "\r\n", "\n"), "\n", "\r\n")
		quoted, err := Parse(fmt.Sprintf("fileinto %s;", Quote(src)))
		if err == nil && quoted.Commands[0].Args[0].Strings[0] != text {
			t.Fatalf("%q was quoted as %q", src, Quote(src))
		}
	})
}
