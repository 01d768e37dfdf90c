package gate

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"

	"cofferdam/internal/ipc"
)

// JMAP over WebSocket (RFC 8887). The connection ends here: each message of a
// client becomes one POST to the cell, whose answer becomes one message. So a cell
// knows no connections, and gate reads no JSON:
//
//   - an answer of type ipc.MessageType is one message (a Response or an error);
//   - one of type ipc.PushType is what WebSocketPushEnable asked for: it does not
//     end, and each line of it is a message (a StateChange);
//   - "no content" is what WebSocketPushDisable gets.
//
// Over HTTP/2 a client needs a connection of its own for it: net/http keeps RFC
// 8441 behind a debugging switch.

// socket is one connection.
type socket struct {
	g       *Gate
	conn    *websocket.Conn
	key     ipc.SessionKey
	network string
	end     context.CancelCauseFunc // with a closing; the first one counts
	calls   chan struct{}           // one token for each message under way
	rate    *rate.Limiter
	wg      sync.WaitGroup

	writing sync.Mutex // held while a message is written

	mu      sync.Mutex // guards the rest
	pushSeq uint64     // number of the message that last changed the push
	endPush context.CancelFunc
}

// closing says why a connection is closed: what its Close frame carries.
type closing struct {
	code websocket.StatusCode
	text string
}

// Error implements error, so that a closing can be the cause of a context's end.
func (c closing) Error() string { return c.text }

var (
	closeSession = closing{websocket.StatusPolicyViolation, "session is over"} // RFC 8887 section 4.2
	closeBinary  = closing{websocket.StatusUnsupportedData, "only text is understood"}
	closeSlow    = closing{websocket.StatusPolicyViolation, "too slow"}
	closeSilent  = closing{websocket.StatusGoingAway, "no answer to a ping"}
	closeAway    = closing{websocket.StatusServiceRestart, "connect again"}
	closeBusy    = closing{websocket.StatusTryAgainLater, "too many requests at the same time"}
	closeGone    = closing{websocket.StatusNormalClosure, ""}
)

// subprotocol is JMAP's (RFC 8887 section 4.2).
const subprotocol = "jmap"

// websocket takes a handshake and serves the connection until it ends.
func (g *Gate) websocket(w http.ResponseWriter, r *http.Request) {
	k, ok := g.key(w, r)
	if !ok {
		return
	}
	if !g.ownOrigin(r) {
		problem(w, http.StatusForbidden, "forbidden", "This request came from another site.", 0)
		return
	}
	if !offersJMAP(r) && websocketUpgrade(r) {
		problem(w, http.StatusBadRequest, "invalid", "The subprotocol must be jmap (RFC 8887, section 4.2).", 0)
		return
	}
	grant, session, err := g.sessions.get(r.Context(), k, g.network(r), nil)
	if err != nil {
		g.failSession(w, k, err)
		return
	}
	leave, ok := g.socketsOf.enter(grant.Login)
	if !ok {
		problem(w, http.StatusTooManyRequests, "throttled", "Too many connections at the same time.", time.Second)
		return
	}
	defer leave()
	g.sockets.Add(1)
	defer g.sockets.Done()
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{subprotocol}, InsecureSkipVerify: true}) // ownOrigin is stricter
	if err != nil {
		return // it answered
	}
	defer g.sessions.hold(grant.Session)()
	g.serveSocket(session, grant.Session, conn, k, g.network(r))
}

// ownOrigin says whether a handshake comes from a page of ours, or from a program:
// one that brings its credential itself, which no page of another site can have a
// browser do. A browser always says where a handshake comes from.
func (g *Gate) ownOrigin(r *http.Request) bool {
	if origin := r.Header.Values("Origin"); len(origin) > 0 {
		return len(origin) == 1 && origin[0] == g.cfg.Origin
	}
	return r.Header.Get("Authorization") != ""
}

func offersJMAP(r *http.Request) bool {
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		if slices.Contains(strings.FieldsFunc(line, func(c rune) bool { return c == ',' || c == ' ' || c == '\t' }), subprotocol) {
			return true
		}
	}
	return false
}

// websocketUpgrade says whether a request is a handshake at all: anything else is
// told to upgrade by the library.
func websocketUpgrade(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// serveSocket reads messages until the session or the connection ends. session ends
// with the session; so does everything that runs for the connection.
func (g *Gate) serveSocket(session context.Context, id []byte, conn *websocket.Conn, k ipc.SessionKey, network string) {
	conn.SetReadLimit(maxMessage)
	ctx, end := context.WithCancelCause(context.WithoutCancel(session))
	s := &socket{g: g, conn: conn, key: k, network: network, end: end, calls: make(chan struct{}, maxSocketCalls),
		rate: rate.NewLimiter(socketRate, socketBurst)}
	stop := context.AfterFunc(session, func() {
		if g.sessions.knows(id) {
			end(closeAway) // gate drains
		} else {
			end(closeSession)
		}
	})
	defer stop()
	// A read whose context ends takes the connection down with it: this one
	// outlives ctx until the Close frame is out.
	reading, endReading := context.WithCancel(context.Background())
	s.wg.Go(func() { s.read(ctx, reading) })
	s.wg.Go(func() { s.ping(ctx) })
	<-ctx.Done()
	why := closeGone
	errors.As(context.Cause(ctx), &why)
	_ = conn.Close(why.code, why.text) // the client may be gone
	endReading()
	s.wg.Wait()
}

// read takes messages one after the other, and has each answered apart, so that a
// slow one does not hold up the others (RFC 8887 section 4.3.2). A client that has
// too many under way, or sends too many, is not read until it has fewer.
func (s *socket) read(ctx, reading context.Context) {
	for seq := uint64(1); ; seq++ {
		select {
		case s.calls <- struct{}{}:
		case <-ctx.Done():
			return
		}
		if s.rate.Wait(ctx) != nil {
			return
		}
		kind, r, err := s.conn.Reader(reading)
		if err != nil {
			s.end(closeGone)
			return
		}
		if kind != websocket.MessageText {
			s.end(closeBinary) // section 4.3.1
			return
		}
		m := newMessage(r, func() { s.end(closeSlow) })
		if !m.begin() {
			s.end(closeGone)
			return
		}
		s.wg.Go(func() {
			defer func() { <-s.calls }()
			s.answer(ctx, seq, m)
		})
		if !m.wait(ctx) {
			s.end(closeGone)
			return
		}
	}
}

// ping finds out whether a silent client is still there.
func (s *socket) ping(ctx context.Context) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		wait, cancel := context.WithTimeout(ctx, pingWait)
		err := s.conn.Ping(wait)
		cancel()
		if err != nil {
			s.end(closeSilent)
			return
		}
	}
}

// answer passes one message to the cell and its answer to the client.
func (s *socket) answer(ctx context.Context, seq uint64, m *message) {
	defer m.release()
	var stale []byte
	for range 2 {
		grant, _, err := s.g.sessions.get(ctx, s.key, s.network, stale)
		if err != nil {
			s.fail(err)
			return
		}
		err = s.pass(ctx, seq, grant, m)
		switch {
		case err == nil:
			return
		case !errors.Is(err, errStale) || m.begun():
			s.fail(err)
			return
		}
		stale = grant.Capability
	}
	s.end(closeAway)
}

// fail closes the connection: an error that is not the cell's answer could not name
// the request that it belongs to.
func (s *socket) fail(err error) {
	var why closing
	switch {
	case errors.As(err, &why):
		s.end(why)
	case over(err):
		s.end(closeSession)
	default:
		s.end(closeAway)
	}
}

// pass is one exchange with a cell.
func (s *socket) pass(ctx context.Context, seq uint64, grant ipc.Grant, m *message) error {
	cell := s.g.cell(grant.Cell)
	if cell == nil {
		return errStale
	}
	leave, ok := s.g.busy.enter(grant.Login)
	if !ok {
		return closeBusy
	}
	defer leave()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	idle := time.AfterFunc(apiTime, cancel)
	defer idle.Stop()
	resp, err := cell.RoundTrip(s.g.messageRequest(ctx, grant, m))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusMisdirectedRequest:
		return errStale
	case resp.StatusCode == http.StatusNoContent:
		s.setPush(seq, func() {})
		return nil
	case resp.StatusCode != http.StatusOK:
		return errors.New("the cell did not answer a message")
	case resp.Header.Get("Content-Type") != ipc.PushType:
		return s.deliver(ctx, resp.Body)
	}
	idle.Stop()
	if !s.setPush(seq, cancel) {
		return nil
	}
	m.release()
	return s.push(ctx, resp.Body)
}

// setPush makes the message number seq the one that decides about push, unless a
// later one did: messages are answered in any order. end ends what it began.
func (s *socket) setPush(seq uint64, end context.CancelFunc) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seq < s.pushSeq {
		return false
	}
	if s.endPush != nil {
		s.endPush()
	}
	s.pushSeq, s.endPush = seq, end
	return true
}

// knows says whether a session is live, as far as gate has heard.
func (s *sessions) knows(id []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byID[string(id)] != nil
}

// closeSockets waits until the connections of a draining gate, whose sessions'
// contexts have ended, are closed: the server does not know them.
func (g *Gate) closeSockets(ctx context.Context) {
	done := make(chan struct{})
	go func() { g.sockets.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
}
