package gate

import (
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"cofferdam/internal/ipc"
)

// Names of our cookies. The prefix makes browsers insist on Secure, on the path
// / and on no Domain.
const (
	sessionCookie = "__Host-session"
	deviceCookie  = "__Host-device"
)

const (
	sidLen  = 16
	skeyLen = 32
	// deviceLife is how long a browser stays known to an account.
	deviceLife = 180 * 24 * time.Hour
)

var b64 = base64.RawURLEncoding.Strict()

// token is the text of a cookie or bearer token: sid | skey.
func token(k ipc.SessionKey) string {
	return b64.EncodeToString(append(append(make([]byte, 0, sidLen+skeyLen), k.SID...), k.SKey...))
}

// parseToken reads a cookie or bearer token.
func parseToken(s string) (ipc.SessionKey, bool) {
	raw, err := b64.DecodeString(s)
	if err != nil || len(raw) != sidLen+skeyLen {
		return ipc.SessionKey{}, false
	}
	return ipc.SessionKey{SID: raw[:sidLen], SKey: raw[sidLen:]}, true
}

// credentials finds the session that a request shows: a bearer token, else the
// cookie.
func credentials(r *http.Request) (ipc.SessionKey, bool) {
	if scheme, value, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		if !strings.EqualFold(scheme, "Bearer") {
			return ipc.SessionKey{}, false
		}
		return parseToken(strings.TrimSpace(value))
	}
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return ipc.SessionKey{}, false
	}
	return parseToken(c.Value)
}

func (g *Gate) setSession(w http.ResponseWriter, s ipc.SignedIn, shared bool) {
	c := &http.Cookie{Name: sessionCookie, Value: token(s.Key), Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if !shared { // on a shared computer the cookie ends with the browser
		c.Expires = time.Unix(s.Grant.Expires, 0)
	}
	http.SetCookie(w, c)
	if len(s.Device) > 0 && !shared {
		http.SetCookie(w, &http.Cookie{Name: deviceCookie, Value: b64.EncodeToString(s.Device), Path: "/", Secure: true,
			HttpOnly: true, SameSite: http.SameSiteStrictMode, MaxAge: int(deviceLife / time.Second)})
	}
}

func clearSession(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode, MaxAge: -1})
}

// device is the token by which a browser shows that it signed in before.
func device(r *http.Request) []byte {
	c, err := r.Cookie(deviceCookie)
	if err != nil || len(c.Value) > 256 {
		return nil
	}
	raw, err := b64.DecodeString(c.Value)
	if err != nil {
		return nil
	}
	return raw
}
