package porter

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cofferdam/internal/ipc"
)

// TestOutcomes: what became of a hand-over is told to its own person for keepOutcome.
func TestOutcomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutcomes()
		settle := o.begin("ann", "s1.1")
		if got := o.of("ann", []string{"s1.1"}); len(got) != 1 || !got[0].Pending {
			t.Errorf("under way: %+v", got)
		}
		settle(ipc.Submitted{Reply: "250 ok"}, nil)
		o.begin("ann", "s2.1")(ipc.Submitted{}, ipc.Errorf(ipc.CodeRefused, "554 no"))
		o.begin("bob", "s1.1")(ipc.Submitted{}, ipc.Errorf(ipc.CodeUnavailable, "away"))
		o.begin("ann", "")(ipc.Submitted{}, nil)
		got := o.of("ann", []string{"s1.1", "s2.1", "s3.1", ""})
		if len(got) != 2 || got[0].Pending || got[0].Submitted == nil || got[0].Submitted.Reply != "250 ok" || got[1].Code != ipc.CodeRefused || got[1].Detail != "554 no" {
			t.Errorf("ann's: %+v", got)
		}
		if got := o.of("bob", []string{"s1.1", "s2.1"}); len(got) != 1 || got[0].Code != ipc.CodeUnavailable || got[0].Submitted != nil {
			t.Errorf("bob's: %+v", got)
		}
		// The same name again is another hand-over: its outcome is not the one before.
		again := o.begin("ann", "s1.1")
		if got := o.of("ann", []string{"s1.1"}); len(got) != 1 || !got[0].Pending {
			t.Errorf("under way again: %+v", got)
		}
		again(ipc.Submitted{}, ipc.Errorf(ipc.CodeUncertain, "broke"))
		time.Sleep(keepOutcome)
		if got := o.of("ann", []string{"s1.1"}); len(got) != 1 {
			t.Error("forgotten too early")
		}
		time.Sleep(2 * time.Minute)
		if got := o.of("ann", []string{"s1.1"}); len(got) != 0 || len(o.people) != 0 {
			t.Errorf("kept: %+v, %d people", got, len(o.people))
		}
	})
}

// TestOutcomesOfOne: of one person maxOutcomes are remembered, the newest.
func TestOutcomesOfOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutcomes()
		names := []string{}
		for i := range maxOutcomes {
			names = append(names, fmt.Sprint(i))
			o.begin("ann", names[i])(ipc.Submitted{}, nil)
			time.Sleep(time.Millisecond)
		}
		if got := o.of("ann", names); len(got) != maxOutcomes {
			t.Errorf("%d of %d", len(got), maxOutcomes)
		}
		o.begin("ann", "one more")
		if got := o.of("ann", names); len(got) != maxOutcomes-1 || got[0].Attempt != "1" {
			t.Errorf("%d remain, the oldest is %s", len(got), got[0].Attempt)
		}
	})
}

// TestOutcomeQuestions: questions and names have an end.
func TestOutcomeQuestions(t *testing.T) {
	p := &Porter{registry: newRegistry(), outcomes: newOutcomes()}
	mustAdd(t, p.registry, request("c1", "s1", "ann", "cell/0", 1), secret("pw"))
	g := []byte("c1")
	for n, want := range map[int]ipc.Code{ipc.MaxOutcomes: "", ipc.MaxOutcomes + 1: ipc.CodeInvalid} {
		_, err := p.submitOutcomes(ipc.OutcomeAsk{Auth: ipc.Auth{Capability: g}, Attempts: make([]string, n)}, "cell/0")
		if ipc.CodeOf(err) != want {
			t.Errorf("%d attempts: %v", n, err)
		}
	}
	if _, err := p.submitOutcomes(ipc.OutcomeAsk{Auth: ipc.Auth{Capability: g}}, "cell/1"); ipc.CodeOf(err) != ipc.CodeForbidden {
		t.Errorf("asked by another cell: %v", err)
	}
	for n, fine := range map[int]bool{ipc.MaxAttemptName: true, ipc.MaxAttemptName + 1: false} {
		raw, err := json.Marshal(ipc.SubmitEnvelope{Attempt: strings.Repeat("a", n), To: []ipc.SubmitRcpt{}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readEnvelope(base64.RawURLEncoding.EncodeToString(raw), nil); (err == nil) != fine {
			t.Errorf("a name of %d bytes: %v", n, err)
		}
	}
}
