package gate

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"cofferdam/internal/ipc"
)

// A ticket admits a request without a cookie to one mail's body and to the
// images of that mail. Text: base64url(expiry 8 B | session 32 B | purpose 1 B |
// email id | MAC 16 B).
type tickets struct {
	key []byte
}

const (
	ticketBody = 'b'
	ticketMAC  = 16
	ticketHead = 8 + 32 + 1
	maxEmailID = 255 // RFC 8620 section 1.2: an Id has at most 255 octets
)

func (t tickets) mac(data []byte) []byte {
	m := hmac.New(sha256.New, t.key)
	m.Write([]byte("cofferdam/ticket/v1\x00"))
	m.Write(data)
	return m.Sum(nil)[:ticketMAC]
}

func (t tickets) make(session []byte, email string, expires time.Time) string {
	data := binary.BigEndian.AppendUint64(nil, uint64(expires.Unix()))
	data = append(data, session...)
	data = append(data, ticketBody)
	data = append(data, email...)
	return b64.EncodeToString(append(data, t.mac(data)...))
}

// open reads a ticket; ok is false for a forged, foreign or expired one.
func (t tickets) open(s string, now time.Time) (session []byte, email string, ok bool) {
	raw, err := b64.DecodeString(s)
	if err != nil || len(raw) < ticketHead+1+ticketMAC || len(raw) > ticketHead+maxEmailID+ticketMAC {
		return nil, "", false
	}
	data, mac := raw[:len(raw)-ticketMAC], raw[len(raw)-ticketMAC:]
	if !hmac.Equal(mac, t.mac(data)) || data[ticketHead-1] != ticketBody {
		return nil, "", false
	}
	if now.Unix() >= int64(binary.BigEndian.Uint64(data)) {
		return nil, "", false
	}
	return data[8 : ticketHead-1], string(data[ticketHead:]), true
}

// makeTickets answers POST /api/tickets.
func (g *Gate) makeTickets(w http.ResponseWriter, r *http.Request) {
	grant, _, ok := g.session(w, r)
	if !ok {
		return
	}
	var in struct {
		Purpose string   `json:"purpose"`
		IDs     []string `json:"ids"`
	}
	if !readJSON(w, r, maxSignInBody, &in) {
		return
	}
	if in.Purpose != "body" || len(in.IDs) > maxTickets {
		problem(w, http.StatusBadRequest, "invalid", "The purpose must be body, for at most 500 mails.", 0)
		return
	}
	expires := time.Now().Add(ticketLife)
	out := map[string]string{}
	for _, id := range in.IDs {
		if !isID(id) {
			problem(w, http.StatusBadRequest, "invalid", "That is not an email id.", 0)
			return
		}
		out[id] = "/b/" + g.tickets.make(grant.Session, id, expires) + "/"
	}
	writeJSON(w, http.StatusOK, map[string]any{"tickets": out, "expires": expires.Unix()})
}

// isID says whether s is an Id of RFC 8620 section 1.2, so that it can stand in a
// path as it is.
func isID(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '-' && c != '_' {
			return false
		}
	}
	return len(s) > 0 && len(s) <= maxEmailID
}

// readJSON decodes a small strict body, which must come within bodyPause: most who
// send one are not signed in.
func readJSON(w http.ResponseWriter, r *http.Request, limit int64, v any) bool {
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Now().Add(bodyPause)) // a test's recorder has none
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err == nil {
		_ = c.SetReadDeadline(time.Time{}) // else the request would end with it
	}
	if err == nil {
		err = ipc.Decode(data, v)
	}
	if err != nil {
		problem(w, http.StatusBadRequest, "invalid", "The request could not be read.", 0)
		return false
	}
	return true
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writePause)) // a test's recorder has none
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone; nothing to add
}

// problem answers with an error that a page can decide by and show.
func problem(w http.ResponseWriter, status int, kind, detail string, retryAfter time.Duration) {
	out := map[string]any{"type": kind, "detail": detail}
	w.Header().Set("Content-Language", "en") // RFC 8620 section 3.8: of the detail
	if retryAfter > 0 {
		out["retryAfter"] = int(retryAfter.Seconds() + 1)
	}
	writeJSON(w, status, out)
}
