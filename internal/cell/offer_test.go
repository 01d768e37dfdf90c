package cell

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/ipc"
	"cofferdam/internal/outbox"
)

// TestOperatorsOffer: what the operator says of the submission server stands above
// what it offers, but for the size of a mail, which is the server's to say.
func TestOperatorsOffer(t *testing.T) {
	server := ipc.SubmitOffer{MaxSize: 1000, MaxHold: 60, Extensions: map[string][]string{"SIZE": {"1000"}, "FUTURERELEASE": {"60"}}}
	for name, c := range map[string]struct {
		says map[string][]string
		hold time.Duration
	}{
		"other things":    {map[string][]string{"DSN": {}}, 0},
		"a longer hold":   {map[string][]string{"FUTURERELEASE": {"3600", "2099-01-01T00:00:00Z"}}, time.Hour},
		"hold of nothing": {map[string][]string{"FUTURERELEASE": {}}, 0},
		"no number":       {map[string][]string{"FUTURERELEASE": {"soon"}}, 0},
	} {
		want := outbox.Offer{MaxSize: 1000, MaxHold: c.hold, Extensions: c.says}
		if diff := cmp.Diff(want, (Submission{Extensions: c.says}).over(server)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}
