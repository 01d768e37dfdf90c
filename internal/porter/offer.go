package porter

import (
	"context"
	"errors"
	"strings"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/submission"
)

// submissionOffered is what is known of a platform's submission server.
type submissionOffered struct {
	turn  chan struct{} // holds one token; who has put it in may use the rest
	known ipc.SubmitOffer
	err   error
	until time.Time
}

func newSubmissionOffered() *submissionOffered {
	return &submissionOffered{turn: make(chan struct{}, 1)}
}

// submitOffer is what the submission server says of itself before anybody signs in.
// It is remembered for offerKnown.
func (p *Porter) submitOffer(ctx context.Context, plat *platform) (ipc.SubmitOffer, error) {
	o := plat.smtpOffer
	select {
	case o.turn <- struct{}{}:
		defer func() { <-o.turn }()
	case <-ctx.Done():
		return ipc.SubmitOffer{}, ipc.Errorf(ipc.CodeUnavailable, "the submission server is away")
	}
	if time.Now().Before(o.until) {
		return o.known, o.err
	}
	// A cell that gives up must not make the server look away to all others.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dialTime)
	defer cancel()
	s := plat.submission
	c, err := submission.Dial(ctx, submission.Config{Addr: s.Address, Security: security(s.TLS), TLS: s.tls})
	if !errors.Is(err, context.Canceled) {
		p.outages.note(endpoint{plat.Name, "submission"}, err)
	}
	if err != nil {
		o.known, o.err, o.until = ipc.SubmitOffer{}, submitError(err), time.Now().Add(offerAway)
		return o.known, o.err
	}
	defer c.Close()
	o.known, o.err, o.until = offerOf(c.Extensions(), time.Now()), nil, time.Now().Add(offerKnown)
	return o.known, nil
}

// offerOf is what of a server's extensions people may use. An extension of the
// transport alone is nobody's concern (RFC 8621, section 1.3.2).
func offerOf(x submission.Extensions, now time.Time) ipc.SubmitOffer {
	out := ipc.SubmitOffer{MaxSize: x.MaxSize(), Extensions: map[string][]string{}}
	for _, name := range []string{"SIZE", "DSN", "SMTPUTF8", "REQUIRETLS", "FUTURERELEASE"} {
		if !x.Has(name) {
			continue
		}
		args := strings.Fields(clip(x[name]))
		if name == "FUTURERELEASE" {
			hold := x.MaxHold(now)
			if hold == 0 {
				continue
			}
			out.MaxHold = int64(hold / time.Second)
			args = args[:1] // the latest date is another one with each greeting
		}
		out.Extensions[name] = append([]string{}, args...)
	}
	return out
}
