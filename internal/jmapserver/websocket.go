package jmapserver

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// The WebSocket of RFC 8887 ends at the gate, which sends each message of a client
// here as a POST and needs to read none: an answer is one message, the answer to
// WebSocketPushEnable is one message a line without end, and WebSocketPushDisable is
// answered with nothing.
const (
	messageType = "application/json"
	pushType    = "application/x-ndjson"
)

// appendWebSocket is the capability (RFC 8887, section 3).
func appendWebSocket(dst []byte, base string) []byte {
	o := ijson.Open(dst)
	o.Str("url", "ws"+strings.TrimPrefix(base, "http")+"/jmap/ws")
	o.Bool("supportsPush", true)
	return o.Close()
}

// serveMessage answers one message (RFC 8887, section 4.3).
func (h *Handler) serveMessage(w http.ResponseWriter, r *http.Request, p *Person) {
	text, bad := h.readMessage(r)
	var v ijson.Value
	if bad == nil {
		v, bad = parseObject(text)
	}
	if bad != nil {
		writeMessage(w, bad.message(v)) // whose it is cannot be told
		return
	}
	switch kind, _ := v.Get("@type").Str(); kind {
	case "Request":
		writeMessage(w, h.answerMessage(r, p, v))
	case "WebSocketPushEnable":
		h.servePush(w, r, p, v)
	case "WebSocketPushDisable":
		w.WriteHeader(http.StatusNoContent)
	default:
		writeMessage(w, notRequest("@type is none of Request, WebSocketPushEnable and WebSocketPushDisable").message(v))
	}
}

func (h *Handler) readMessage(r *http.Request) (string, *problem) {
	var b strings.Builder
	n, err := io.Copy(&b, io.LimitReader(r.Body, h.limits.MaxSizeRequest+1))
	switch {
	case n > h.limits.MaxSizeRequest:
		return "", overLimit(http.StatusBadRequest, "maxSizeRequest", "the request is larger than the server is willing to process")
	case err != nil:
		return "", &problem{kind: problemNotJSON, status: http.StatusBadRequest, detail: "the message ended early"}
	}
	return b.String(), nil
}

func writeMessage(w http.ResponseWriter, text []byte) {
	w.Header().Set("Content-Type", messageType)
	w.Header().Set("Cache-Control", "no-store")
	w.Write(text) // a client that is gone needs no answer
}

// message is p as an answer to the message v (RFC 8887, section 4.3.4).
func (p *problem) message(v ijson.Value) []byte {
	o := ijson.Open(nil)
	o.Str("@type", "RequestError")
	if id, ok := v.Get("id").Str(); ok {
		o.Str("requestId", id)
	} else {
		o.Null("requestId")
	}
	p.append(&o)
	return o.Close()
}

// answerMessage runs a Request. It counts as one at the API endpoint does (RFC
// 8887, section 4.3.2).
func (h *Handler) answerMessage(r *http.Request, p *Person, v ijson.Value) []byte {
	most, name := h.most(slotRequest)
	if !h.enter(slot{p.Key, slotRequest}, most) {
		return overLimit(http.StatusTooManyRequests, name, "too many at the same time").message(v)
	}
	defer h.leave(slot{p.Key, slotRequest})
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	id, hasID := v.Get("id").Str()
	if !hasID && v.Get("id").Kind() != ijson.Absent {
		return notRequest("id is not a string").message(v)
	}
	req, bad := requestOf(v, &h.limits)
	if bad != nil {
		return bad.message(v)
	}
	out, bad := h.answer(ctx, p, req, h.baseURL(r))
	if bad != nil {
		return bad.message(v)
	}
	return asMessage(out, id, hasID)
}

// asMessage makes a Response one that goes over a WebSocket (RFC 8887, section
// 4.3.3): its last brace gives way to two members more.
func asMessage(response []byte, id string, hasID bool) []byte {
	out := append(response[:len(response)-1], `,"@type":"Response"`...)
	if hasID {
		out = ijson.AppendString(append(out, `,"requestId":`...), id)
	}
	return append(out, '}')
}

// pushing is what one WebSocketPushEnable asked for (RFC 8887, section 4.3.5.2).
type pushing struct {
	stream
	resumed bool // the client said what it has
}

// servePush writes changes, one a line, until the request ends.
func (h *Handler) servePush(w http.ResponseWriter, r *http.Request, p *Person, v ijson.Value) {
	s := &pushing{stream: stream{w: w, rc: http.NewResponseController(w)}}
	if why := s.read(v); why != "" {
		writeMessage(w, notRequest(why).message(v))
		return
	}
	most, name := h.most(slotStream)
	if !h.enter(slot{p.Key, slotStream}, most) {
		writeMessage(w, overLimit(http.StatusTooManyRequests, name, "too many at the same time").message(v))
		return
	}
	defer h.leave(slot{p.Key, slotStream})
	ctx, cancel := context.WithCancel(r.Context())
	stop := context.AfterFunc(h.streams(r), cancel)
	defer stop()
	changes, done := watch(ctx, p)
	defer done()
	defer cancel()
	w.Header().Set("Content-Type", pushType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	if s.rc.Flush() == nil {
		s.run(ctx, changes)
	}
}

// read reads the object; why is "" if it is right.
func (s *pushing) read(v ijson.Value) (why string) {
	s.wants = func(jmap.Type) bool { return true }
	switch types := v.Get("dataTypes"); types.Kind() {
	case ijson.Absent, ijson.Null:
	case ijson.Array:
		var list []string
		for _, e := range types.Elems() {
			name, ok := e.Str()
			if !ok {
				return "dataTypes is not an array of strings"
			}
			list = append(list, name)
		}
		s.wants = func(t jmap.Type) bool { return slices.Contains(list, string(t)) }
	default:
		return "dataTypes is not an array of strings"
	}
	state, ok := v.Get("pushState").Str()
	if k := v.Get("pushState").Kind(); !ok && k != ijson.Absent && k != ijson.Null {
		return "pushState is not a string"
	}
	s.have, s.resumed = readStates(state), ok
	return ""
}

// run writes until ctx is done, an account fails, or nobody takes what is written.
func (s *pushing) run(ctx context.Context, changes <-chan accountStates) {
	for {
		select {
		case <-ctx.Done():
			return
		case n := <-changes:
			if n.id == "" || s.change(n) != nil {
				return
			}
		}
	}
}

// change takes in the states of an account and says what the client does not know.
// To one that resumes with a pushState that tells nothing of an account, all of it
// is new; one without has what is there when it comes.
func (s *pushing) change(n accountStates) error {
	old, known := s.have[n.id]
	changed := jmap.TypeStates{}
	for t, state := range n.states {
		if (known || s.resumed) && old[t] != state && s.wants(t) {
			changed[t] = state
		}
	}
	s.have[n.id] = n.states
	if len(changed) == 0 {
		return nil
	}
	line := stateChange(n.id, changed)
	line = ijson.AppendString(append(line[:len(line)-1], `,"pushState":`...), string(appendStates(nil, s.have)))
	return s.send(append(line, "}\n"...))
}
