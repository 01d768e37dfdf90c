package outbox

import (
	"fmt"
	"strings"
	"testing"

	"cofferdam/internal/jmap"
)

// TestEnvelopeLimits: a mail to maxRecipients, and to an address of maxAddress, is
// sent; one more is refused in the words of RFC 8621, section 7.5, and nothing is
// sent to anybody.
func TestEnvelopeLimits(t *testing.T) {
	for limit, c := range map[string]struct {
		to   func(more int) []jmap.EnvelopeAddress
		want jmap.SetErrorType
	}{
		"maxRecipients": {func(more int) (to []jmap.EnvelopeAddress) {
			for i := range maxRecipients + more {
				to = append(to, jmap.EnvelopeAddress{Email: fmt.Sprintf("p%d@example.net", i)})
			}
			return to
		}, jmap.SetTooManyRecipients},
		"maxAddress": {func(more int) []jmap.EnvelopeAddress {
			const domain = "@example.net"
			return []jmap.EnvelopeAddress{{Email: strings.Repeat("l", maxAddress-len(domain)+more) + domain}}
		}, jmap.SetInvalidRecipients},
	} {
		for more, want := range []jmap.SetErrorType{"", c.want} {
			d := newDisk()
			r := openRig(t, d)
			req := create("c")
			req.Envelope = &jmap.Envelope{MailFrom: jmap.EnvelopeAddress{Email: "ann@example.org"}, RcptTo: c.to(more)}
			_, no := r.sendOne(req)
			if got := no; (got == nil) != (want == "") || got != nil && got.Type != want || len(d.sent()) != 1-more {
				t.Errorf("%s and %d: %+v, %d sent", limit, more, no, len(d.sent()))
			}
			r.stop()
		}
	}
}
