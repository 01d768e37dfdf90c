package system

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
)

// Event is one event of the stream (RFC 8620, section 7.3).
type Event struct{ Name, Data string }

// Events reads the event stream until it ends, and hands each event on. It
// returns why the stream ended; f returns false to end it.
func (p *Person) Events(ctx context.Context, f func(Event) bool) error {
	s, err := p.Open(ctx)
	if err != nil {
		return err
	}
	path := strings.NewReplacer("{types}", "*", "{closeafter}", "no", "{ping}", "60").Replace(s.EventSource)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.origin+path, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := p.http.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return &Failure{Status: resp.StatusCode}
	}
	if kind := resp.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
		return fmt.Errorf("the stream is %q", kind)
	}
	var e Event
	if !f(Event{Name: "open"}) {
		return nil
	}
	for sc := bufio.NewScanner(resp.Body); ; {
		if !sc.Scan() {
			return fmt.Errorf("the stream ended: %w", orEnd(sc.Err()))
		}
		switch line := sc.Text(); {
		case line == "" && e.Name+e.Data != "":
			if !f(e) {
				return nil
			}
			e = Event{}
		case strings.HasPrefix(line, "event:"):
			e.Name = strings.TrimSpace(line[6:])
		case strings.HasPrefix(line, "data:"):
			e.Data += strings.TrimSpace(line[5:])
		}
	}
}

func orEnd(err error) error {
	if err == nil {
		return http.ErrServerClosed
	}
	return err
}
