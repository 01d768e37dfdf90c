package server

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestPatientChild: a child's timers may be late, and ours not later than before.
func TestPatientChild(t *testing.T) {
	const file = "/proc/thread-self/timerslack_ns"
	before, err := os.ReadFile(file)
	if err != nil {
		t.Skip("this kernel does not tell the slack of timers: " + err.Error())
	}
	var out strings.Builder
	cmd := exec.Command("cat", file)
	cmd.Stdout = &out
	if err := startPatient(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if got, _ := strconv.Atoi(strings.TrimSpace(out.String())); time.Duration(got) != timerSlack {
		t.Errorf("the child's timers may be late by %v, want %v", time.Duration(got), timerSlack)
	}
	if after, err := os.ReadFile(file); err != nil || string(after) != string(before) {
		t.Errorf("ours by %s, %v, before by %s", after, err, before)
	}
}
