package system

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
)

// socket is JMAP over WebSocket (RFC 8887) through the whole product: TLS, gate,
// and the person's cell.
type socket struct {
	*testing.T
	conn    *websocket.Conn
	account string
}

// overSocket connects as a page of ours does, says what a client says first, and
// asks for pushes.
func overSocket(t *testing.T, p *Person) *socket {
	t.Helper()
	session, err := p.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wire := p.wire.Clone() // a WebSocket begins with HTTP/1.1
	wire.ForceAttemptHTTP2, wire.TLSClientConfig.NextProtos = false, nil
	t.Cleanup(wire.CloseIdleConnections)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, strings.Replace(p.origin, "https:", "wss:", 1)+"/jmap/ws", &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: wire, Jar: p.http.Jar}, HTTPHeader: http.Header{"Origin": {p.origin}}, Subprotocols: []string{"jmap"},
	})
	if err != nil {
		t.Fatalf("opening a WebSocket: %v", err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	conn.SetReadLimit(1 << 20)
	s := &socket{t, conn, session.Account}
	if conn.Subprotocol() != "jmap" {
		t.Errorf("subprotocol %q", conn.Subprotocol())
	}
	s.say(`{"@type":"Request","id":"R1","using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail"],"methodCalls":[["Mailbox/get",{"accountId":"%s"},"c"]]}`, s.account)
	if got := s.next(); got["@type"] != "Response" || got["requestId"] != "R1" || !strings.Contains(fmt.Sprint(got["methodResponses"]), "inbox") {
		t.Errorf("the answer to a Request: %v", got)
	}
	s.say(`{"@type":"Request","id":"R2"`)
	if got := s.next(); got["@type"] != "RequestError" || got["type"] != "urn:ietf:params:jmap:error:notJSON" {
		t.Errorf("the answer to what is no JSON: %v", got)
	}
	s.say(`{"@type":"WebSocketPushEnable","dataTypes":["EmailDelivery"]}`)
	s.say(`{"@type":"Request","id":"R3","using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/echo",{},"c"]]}`)
	if got := s.next(); got["requestId"] != "R3" {
		t.Errorf("beside a push: %v", got)
	}
	return s
}

func (s *socket) say(format string, a ...any) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 10*time.Second)
	defer cancel()
	if err := s.conn.Write(ctx, websocket.MessageText, fmt.Appendf(nil, format, a...)); err != nil {
		s.Fatal(err)
	}
}

// next reads a message: one JSON object in UTF-8.
func (s *socket) next() map[string]any {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 10*time.Second)
	defer cancel()
	kind, text, err := s.conn.Read(ctx)
	if err != nil {
		s.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil || kind != websocket.MessageText || !utf8.Valid(text) {
		s.Fatalf("a message of kind %v that is no object: %q", kind, text)
	}
	return out
}

// hears waits for a StateChange of a type, and for none of another.
func (s *socket) hears(kind string) {
	s.Helper()
	got := s.next()
	changed, _ := got["changed"].(map[string]any)
	types, _ := changed[s.account].(map[string]any)
	if got["@type"] != "StateChange" || len(types) != 1 || types[kind] == nil || got["pushState"] == nil {
		s.Errorf("pushed: %v", got)
	}
	if err := s.conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		s.Errorf("closing: %v", err)
	}
}
