package courier

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
)

// target is a URL that passed.
type target struct {
	url    *url.URL
	host   string // with port, as limits count it
	origin string // as VAPID names it
	sum    [32]byte
}

// push answers a cell: it posts one message.
func (c *Courier) push(cell string) func(context.Context, ipc.CourierPushRequest) (ipc.CourierPushed, error) {
	return func(ctx context.Context, req ipc.CourierPushRequest) (ipc.CourierPushed, error) {
		out, err := c.pushOne(ctx, cell, &req)
		c.counts.pushes.WithLabelValues(outcome(out.Status, err)).Inc()
		return out, err
	}
}

func (c *Courier) pushOne(ctx context.Context, cell string, req *ipc.CourierPushRequest) (ipc.CourierPushed, error) {
	var none ipc.CourierPushed
	out := c.outlet.Load()
	to, err := out.check(req)
	if err != nil {
		return none, err
	}
	covered, err := c.covers(ctx, ipc.CoversRequest{Auth: req.Auth, Cell: cell})
	if err != nil {
		return none, err
	}
	person := string(covered.Person)
	leave, ok := c.busy.enter(person)
	if !ok {
		return none, &ipc.Error{Code: ipc.CodeThrottled, Detail: "too many pushes at the same time", RetryAfter: time.Second}
	}
	defer leave()
	if wait := c.limited(person, cell, to, out.hostRate); wait > 0 {
		return none, &ipc.Error{Code: ipc.CodeThrottled, Detail: "too many pushes", RetryAfter: wait}
	}
	return c.post(ctx, out, to, req)
}

// check reads a call's URL and headers.
func (o *outlet) check(req *ipc.CourierPushRequest) (target, error) {
	bad := func(what string) (target, error) { return target{}, ipc.Errorf(ipc.CodeInvalid, "%s", what) }
	switch {
	case len(req.URL) > maxURL:
		return bad("the URL is too long")
	case req.Encoding == "" && len(req.Body) > maxBody, req.Encoding != "" && len(req.Body) != seal.PushSize:
		return bad("the body is not of a message's length")
	case req.Encoding != "" && req.Encoding != ipc.AES128GCM:
		return bad("no such content coding")
	case req.TTL < 0 || req.TTL > maxTTL:
		return bad("TTL is out of range")
	case !slices.Contains([]string{"", "very-low", "low", "normal", "high"}, req.Urgency):
		return bad("no such urgency")
	}
	u, err := url.Parse(req.URL)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Opaque != "" || u.Fragment != "" {
		return bad("not an https URL")
	}
	port := uint64(httpsPort)
	if p := u.Port(); p != "" {
		if port, err = strconv.ParseUint(p, 10, 16); err != nil {
			return bad("not a port")
		}
	}
	if err := o.reach.checkHost(u.Hostname(), uint16(port)); err != nil {
		return target{}, ipc.Errorf(ipc.CodeForbidden, "%s", errAddress)
	}
	host := net.JoinHostPort(plainHost(u.Hostname()), strconv.FormatUint(port, 10))
	origin := "https://" + strings.TrimSuffix(strings.ToLower(u.Host), ":443") // RFC 6454, section 6: no default port
	return target{u, host, origin, sha256.Sum256([]byte(req.URL))}, nil
}

// limited takes a push out of all that limits it. A positive wait says that it must
// not be sent before.
func (c *Courier) limited(person, cell string, to target, hostRate int) time.Duration {
	now := time.Now()
	if wait := c.pauses.left(to.sum, now); wait > 0 {
		return wait
	}
	caps := map[string]int{"p" + person: personRate, "c" + cell: cellRate, "h" + to.host: hostRate}
	if wait, ok := c.rates.Take(1, caps); !ok {
		return wait
	}
	if !c.targets.known(person, to.sum, now) {
		if wait, ok := c.newTargets.Take(1, map[string]int{"p" + person: newTargets, "c" + cell: cellTargets}); !ok {
			c.rates.Give(1, caps)
			return wait
		}
	}
	c.targets.note(person, to.sum, now)
	return 0
}

// post sends the request (RFC 8030, section 5) and drops what is answered.
func (c *Courier) post(ctx context.Context, out *outlet, to target, req *ipc.CourierPushRequest) (ipc.CourierPushed, error) {
	ctx, cancel := context.WithTimeout(ctx, pushTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to.url.String(), struct{ *bytes.Reader }{bytes.NewReader(req.Body)})
	if err != nil {
		return ipc.CourierPushed{}, ipc.Errorf(ipc.CodeInvalid, "not an https URL")
	}
	r.ContentLength = int64(len(req.Body)) // and no GetBody: a message is posted once
	token, err := out.vapid.Authorization(to.origin, out.contact, time.Now().Add(tokenLife))
	if err != nil {
		return ipc.CourierPushed{}, err
	}
	r.Header.Set("Authorization", token)
	r.Header.Set("Content-Type", "application/json") // RFC 8620, section 7.2
	r.Header.Set("TTL", strconv.Itoa(req.TTL))
	r.Header.Set("User-Agent", "Cofferdam")
	if req.Encoding != "" {
		r.Header.Set("Content-Encoding", req.Encoding)
	}
	if req.Urgency != "" {
		r.Header.Set("Urgency", req.Urgency)
	}
	resp, err := out.client.Do(r)
	if err != nil {
		// Whether a name exists within the provider's network is nobody's business: a
		// refused address and a silent one look the same.
		if errors.Is(err, errAddress) {
			c.counts.refused.Inc()
		}
		// It is told as a gateway tells it: an error would say that courier is away.
		return ipc.CourierPushed{Status: http.StatusGatewayTimeout}, nil
	}
	resp.Body.Close() // unread: an answer's body has nothing for us
	done := ipc.CourierPushed{Status: resp.StatusCode}
	if wait := retryAfter(resp.Header.Get("Retry-After"), time.Now()); wait > 0 {
		done.RetryAfter = int64((wait + time.Second - 1) / time.Second)
		c.pauses.set(to.sum, time.Now().Add(wait))
	} else if resp.StatusCode == http.StatusTooManyRequests {
		c.pauses.set(to.sum, time.Now().Add(firstPause))
	}
	return done, nil
}

// retryAfter reads the header of that name (RFC 9110, section 10.2.3): seconds, or a
// date. 0: it is not there, or no time.
func retryAfter(text string, now time.Time) time.Duration {
	if text == "" {
		return 0
	}
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(n)*time.Second, longestPause)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), longestPause)
}

// outcome names how a push ended, for the figures.
func outcome(status int, err error) string {
	switch code := ipc.CodeOf(err); {
	case err != nil:
		return string(code)
	case status/100 == 2:
		return "sent"
	case status == http.StatusTooManyRequests:
		return "slowed"
	case status == http.StatusNotFound || status == http.StatusGone:
		return "gone"
	}
	return "refused"
}
