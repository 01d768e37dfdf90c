package porter

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/ipc"
	"cofferdam/internal/submission"
)

// TestOfferOf: people are told of what they may use, and not of what is the
// transport's (RFC 8621, section 1.3.2).
func TestOfferOf(t *testing.T) {
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		x    submission.Extensions
		want ipc.SubmitOffer
	}{
		"all": {submission.Extensions{"SIZE": "10240000", "DSN": "", "PIPELINING": "", "CHUNKING": "", "STARTTLS": "", "AUTH": "PLAIN", "SMTPUTF8": "",
			"FUTURERELEASE": "86400 2026-11-24T10:00:00Z"}, ipc.SubmitOffer{MaxSize: 10240000, MaxHold: 3600,
			Extensions: map[string][]string{"SIZE": {"10240000"}, "DSN": {}, "SMTPUTF8": {}, "FUTURERELEASE": {"86400"}}}},
		"no number":    {submission.Extensions{"SIZE": "", "FUTURERELEASE": "soon"}, ipc.SubmitOffer{Extensions: map[string][]string{"SIZE": {}}}},
		"date gone by": {submission.Extensions{"FUTURERELEASE": "60 2026-11-24T08:59:59Z"}, ipc.SubmitOffer{Extensions: map[string][]string{}}},
		"none":         {nil, ipc.SubmitOffer{Extensions: map[string][]string{}}},
	} {
		if diff := cmp.Diff(c.want, offerOf(c.x, now)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

func TestHoldParameter(t *testing.T) {
	env := func(until string) ipc.SubmitEnvelope {
		return ipc.SubmitEnvelope{From: "ann@example.org", To: to("bob@example.net"), FromParams: ipc.Params{"HOLDUNTIL": until}}
	}
	out, err := guardEnvelope(env("2026-11-24T10:00:00Z"), []string{"ann@example.org"}, nil)
	if want := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC); err != nil || !out.Release.Equal(want) {
		t.Errorf("%v, %v", out.Release, err)
	}
	_, err = guardEnvelope(env("2026-11-24T10:00:00Z BODY=8BITMIME"), []string{"ann@example.org"}, nil)
	wantCode(t, err, ipc.CodeInvalid)
}
