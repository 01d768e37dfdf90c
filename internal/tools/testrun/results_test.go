package main

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/tools/requirements"
)

const events = `{"Action":"start","Package":"cofferdam/internal/a"}
{"Action":"output","Package":"cofferdam/internal/a","Output":"-test.shuffle 1\n"}
{"Action":"run","Package":"cofferdam/internal/a","Test":"TestGood"}
{"Action":"output","Package":"cofferdam/internal/a","Test":"TestGood","Output":"chatter\n"}
{"Action":"pass","Package":"cofferdam/internal/a","Test":"TestGood"}
{"Action":"output","Package":"cofferdam/internal/a","Test":"TestBad/case","Output":"    got 1, want 2\n"}
{"Action":"fail","Package":"cofferdam/internal/a","Test":"TestBad/case"}
{"Action":"fail","Package":"cofferdam/internal/a","Test":"TestBad"}
{"Action":"skip","Package":"cofferdam/internal/a","Test":"TestSkipped"}
{"Action":"output","Package":"cofferdam/internal/a","Test":"TestCrash","Output":"panic: oh\n"}
{"Action":"output","Package":"cofferdam/internal/a","Output":"FAIL\tcofferdam/internal/a\t0.1s\n"}
{"Action":"fail","Package":"cofferdam/internal/a"}
`

func TestResults(t *testing.T) {
	var (
		r results
		b strings.Builder
	)
	if err := r.read(strings.NewReader(events), &b); err != nil {
		t.Fatal(err)
	}
	shown := "    got 1, want 2\nFAIL\tcofferdam/internal/a\t0.1s\npanic: oh\n"
	if diff := cmp.Diff(shown, b.String()); diff != "" {
		t.Errorf("shown (-want +got):\n%s", diff)
	}
	all := results{verbose: true}
	b.Reset()
	if err := all.read(strings.NewReader(events), &b); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("chatter\n"+shown, b.String()); diff != "" {
		t.Errorf("shown with -v (-want +got):\n%s", diff)
	}
	row := requirements.Row{Number: 3}
	for _, name := range []string{"TestGood", "TestBad", "TestSkipped", "TestNever"} {
		row.Tests = append(row.Tests, requirements.Test{Package: "internal/a", Name: name})
	}
	want := []string{"R3: internal/a.TestBad ended with fail", "R3: internal/a.TestSkipped ended with skip", "R3: internal/a.TestNever did not run"}
	if diff := cmp.Diff(want, r.notShown([]requirements.Row{row})); diff != "" {
		t.Errorf("not shown (-want +got):\n%s", diff)
	}
}

func TestSummary(t *testing.T) {
	var (
		r results
		b strings.Builder
	)
	long := `{"Action":"output","Package":"cofferdam/internal/a","Test":"TestLong","Output":"    a_test.go:7: found 3 mails, want 4\n"}
` + strings.Repeat(`{"Action":"output","Package":"cofferdam/internal/a","Test":"TestLong","Output":"        row of a table\n"}
`, 100) + `{"Action":"fail","Package":"cofferdam/internal/a","Test":"TestLong"}
`
	if err := r.read(strings.NewReader(long+events), io.Discard); err != nil {
		t.Fatal(err)
	}
	r.summarize(&b)
	want := `
FAILED: internal/a.TestLong
    a_test.go:7: found 3 mails, want 4

FAILED: internal/a.TestBad
    got 1, want 2

FAILED: internal/a.TestCrash
panic: oh
1 passed, 3 failed, 1 skipped
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
}

func TestRuns(t *testing.T) {
	got := runs([]string{"--", "-race", "./a", "--", "./b"})
	if diff := cmp.Diff([][]string{{"-race", "./a"}, {"./b"}}, got); diff != "" {
		t.Error(diff)
	}
}
