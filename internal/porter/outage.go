package porter

import (
	"log/slog"
	"sync"
	"time"
)

// outages keeps the log readable when a server is away: one line when it fails
// first, one with the count when it is well again. A server of which one address in
// two fails is away for as long as that lasts.
type outages struct {
	log *slog.Logger

	mu   sync.Mutex // guards away
	away map[endpoint]*outage
}

// endpoint names one service of a platform.
type endpoint struct{ platform, service string }

type outage struct {
	failures    int
	since, last time.Time
}

func newOutages(log *slog.Logger) *outages { return &outages{log: log, away: map[endpoint]*outage{}} }

// note takes the outcome of reaching a server; nil is success.
func (o *outages) note(s endpoint, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	e := o.away[s]
	switch {
	case err == nil && e != nil && time.Since(e.last) >= calmTime:
		delete(o.away, s)
		o.log.Info("server of the mail platform is reached again", "platform", s.platform, "service", s.service,
			"failures", e.failures, "lasted", e.last.Sub(e.since).Round(time.Second))
	case err == nil:
	case e == nil:
		o.away[s] = &outage{1, time.Now(), time.Now()}
		o.log.Warn("server of the mail platform is not reached", "platform", s.platform, "service", s.service, "err", err)
	default:
		e.failures++
		e.last = time.Now()
	}
}
