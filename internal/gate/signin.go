package gate

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"cofferdam/internal/ipc"
)

// offer answers GET /api/signin: what the page needs in order to seal a sign-in.
func (g *Gate) offer(w http.ResponseWriter, r *http.Request) {
	o, err := ipc.Call[ipc.SignInOffer](r.Context(), g.keeper, ipc.KeeperOffer, ipc.None{})
	if err != nil {
		g.fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"key":       json.RawMessage(o.Key),
		"challenge": b64.EncodeToString(o.Challenge),
		"domains":   o.Domains,
		"name":      g.live.Load().name,
	})
}

// signInBody is what the page sends: a box that only porter can open.
type signInBody struct {
	V         int    `json:"v"`
	KID       string `json:"kid"`
	Enc       string `json:"enc"`
	CT        string `json:"ct"`
	Challenge string `json:"challenge"`
	Shared    bool   `json:"shared"`
}

func (b signInBody) box() (ipc.Box, error) {
	var out ipc.Box
	if b.V != 1 {
		return out, errors.New("version")
	}
	for _, f := range []struct {
		dst *[]byte
		src string
	}{{&out.KID, b.KID}, {&out.Enc, b.Enc}, {&out.CT, b.CT}, {&out.Challenge, b.Challenge}} {
		raw, err := b64.DecodeString(f.src)
		if err != nil {
			return out, err
		}
		*f.dst = raw
	}
	return out, nil
}

// signIn answers POST /api/signin.
func (g *Gate) signIn(w http.ResponseWriter, r *http.Request) {
	var in signInBody
	if !readJSON(w, r, maxSignInBody, &in) {
		return
	}
	box, err := in.box()
	if err != nil {
		problem(w, http.StatusBadRequest, "invalid", "The sign-in could not be read. Please reload the page.", 0)
		return
	}
	s, err := g.callSignIn(r, box, ipc.KindCookie, in.Shared)
	if err != nil {
		g.fail(w, err)
		return
	}
	g.sessions.put(s.Key, s.Grant)
	g.setSession(w, s, in.Shared)
	writeJSON(w, http.StatusOK, map[string]any{"login": s.Grant.Login, "name": "", "expires": s.Grant.Expires, "locked": s.Grant.Locked})
}

// callSignIn passes a box on and writes the sign-in line of the log: outcome,
// kind and network, never a name.
func (g *Gate) callSignIn(r *http.Request, box ipc.Box, kind string, shared bool) (ipc.SignedIn, error) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(r.Context(), signInTime)
	defer cancel()
	network := g.network(r)
	s, err := ipc.Call[ipc.SignedIn](ctx, g.keeper, ipc.KeeperSignIn, ipc.SignInRequest{
		Box: box, Kind: kind, Network: network, Agent: clip(r.UserAgent(), maxAgent), Shared: shared, Device: device(r),
	})
	outcome := "ok"
	if err != nil {
		outcome = string(ipc.CodeOf(err))
	}
	g.counts.signIns.WithLabelValues(kind, outcome).Inc()
	attrs := []any{"outcome", outcome, "kind", kind, "network", network, "ms", time.Since(start).Milliseconds()}
	if err == nil {
		attrs = append(attrs, "session", b64.EncodeToString(s.Grant.Session[:6]))
	}
	g.log.Info("sign-in", attrs...)
	return s, err
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// session finds the grant of a request, or answers 401.
func (g *Gate) session(w http.ResponseWriter, r *http.Request) (ipc.Grant, context.Context, bool) {
	k, ok := g.key(w, r)
	if !ok {
		return ipc.Grant{}, nil, false
	}
	grant, ctx, err := g.sessions.get(r.Context(), k, g.network(r), nil)
	if err != nil {
		g.failSession(w, k, err)
		return ipc.Grant{}, nil, false
	}
	return grant, ctx, true
}

// key finds the session key of a request, or answers 401.
func (g *Gate) key(w http.ResponseWriter, r *http.Request) (ipc.SessionKey, bool) {
	k, ok := credentials(r)
	if ok {
		return k, true
	}
	k, err := g.basic(r)
	switch {
	case err == nil:
		return k, true
	case !errors.Is(err, errNoBasic):
		if ipc.CodeOf(err) == ipc.CodeRefused { // RFC 9110 section 15.5.2: a 401 names the ways
			challenge(w, r, true)
		}
		g.fail(w, err)
		return k, false
	}
	challenge(w, r, g.live.Load().basic)
	problem(w, http.StatusUnauthorized, "signedOut", "You are not signed in.", 0)
	return k, false
}

// challenge names the ways to sign in, for programs. A browser's page has its own
// sign-in, and must not get the browser's password dialog.
func challenge(w http.ResponseWriter, r *http.Request, basic bool) {
	if r.Header.Get("Sec-Fetch-Site") != "" {
		return
	}
	if basic {
		w.Header().Add("WWW-Authenticate", `Basic realm="mail", charset="UTF-8"`)
	}
	w.Header().Add("WWW-Authenticate", `Bearer realm="mail"`)
}

// whoAmI answers GET /api/session. That nobody is signed in is an answer to this
// question and no error.
func (g *Gate) whoAmI(w http.ResponseWriter, r *http.Request) {
	if _, shown := credentials(r); !shown && r.Header.Get("Authorization") == "" {
		writeJSON(w, http.StatusOK, map[string]any{"login": nil})
		return
	}
	if grant, _, ok := g.session(w, r); ok {
		writeJSON(w, http.StatusOK, map[string]any{"login": grant.Login, "expires": grant.Expires, "locked": grant.Locked})
	}
}

func (g *Gate) signOut(w http.ResponseWriter, r *http.Request) {
	if k, ok := credentials(r); ok {
		_, err := ipc.Call[ipc.None](r.Context(), g.keeper, ipc.KeeperSignOut, k)
		if err != nil && !over(err) {
			g.fail(w, err) // the cookie stays: without it nobody could end the session, which lives on
			return
		}
	}
	clearSession(w)
	w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	w.WriteHeader(http.StatusNoContent)
}

func (g *Gate) listSessions(w http.ResponseWriter, r *http.Request) {
	k, ok := g.key(w, r)
	if !ok {
		return
	}
	list, err := ipc.Call[ipc.SessionList](r.Context(), g.keeper, ipc.KeeperSessions, k)
	if err != nil {
		g.failSession(w, k, err)
		return
	}
	out := make([]map[string]any, 0, len(list.Sessions))
	for _, s := range list.Sessions {
		out = append(out, map[string]any{"id": b64.EncodeToString(s.ID), "kind": s.Kind, "current": s.Current, "created": s.Created,
			"lastSeen": s.LastSeen, "expires": s.Expires, "agent": s.Agent, "network": s.Network, "name": s.Name})
	}
	writeJSON(w, http.StatusOK, map[string]any{"sessions": out})
}

func (g *Gate) revoke(w http.ResponseWriter, r *http.Request) {
	id, err := b64.DecodeString(r.PathValue("id"))
	if err != nil || len(id) != 32 {
		notFound(w, r)
		return
	}
	g.callRevoke(w, r, ipc.RevokeRequest{IDs: [][]byte{id}})
}

func (g *Gate) revokeOthers(w http.ResponseWriter, r *http.Request) {
	g.callRevoke(w, r, ipc.RevokeRequest{Others: true})
}

func (g *Gate) callRevoke(w http.ResponseWriter, r *http.Request, req ipc.RevokeRequest) {
	k, ok := g.key(w, r)
	if !ok {
		return
	}
	req.Key = k
	if _, err := ipc.Call[ipc.None](r.Context(), g.keeper, ipc.KeeperRevoke, req); err != nil {
		g.failSession(w, k, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// makeToken answers POST /api/tokens: a named bearer token for another client.
func (g *Gate) makeToken(w http.ResponseWriter, r *http.Request) {
	k, ok := g.key(w, r)
	if !ok {
		return
	}
	var in struct {
		Name string `json:"name"`
	}
	if !readJSON(w, r, maxSignInBody, &in) {
		return
	}
	if in.Name == "" || len(in.Name) > maxTokenName {
		problem(w, http.StatusBadRequest, "invalid", "A token needs a name of at most 64 bytes.", 0)
		return
	}
	s, err := ipc.Call[ipc.SignedIn](r.Context(), g.keeper, ipc.KeeperToken, ipc.TokenRequest{Key: k, Name: in.Name})
	if err != nil {
		g.failSession(w, k, err)
		return
	}
	writeJSON(w, http.StatusCreated, map[string]any{"token": token(s.Key), "name": in.Name, "expires": s.Grant.Expires})
}

// failSession answers an error of a call made with a session: unknown and expired
// mean signed out.
func (g *Gate) failSession(w http.ResponseWriter, k ipc.SessionKey, err error) {
	switch ipc.CodeOf(err) {
	case ipc.CodeUnknown, ipc.CodeExpired:
		clearSession(w)
		g.basics.forget(k)
		problem(w, http.StatusUnauthorized, "signedOut", "Your session is over. Please sign in again.", 0)
	default:
		g.fail(w, err)
	}
}

// fail answers an error of keeper's in words for a person.
func (g *Gate) fail(w http.ResponseWriter, err error) {
	var e *ipc.Error
	if !errors.As(err, &e) {
		e = &ipc.Error{Code: ipc.CodeInternal}
	}
	switch e.Code {
	case ipc.CodeRefused:
		problem(w, http.StatusUnauthorized, "refused", "The mail server did not accept this address and password.", 0)
	case ipc.CodeThrottled:
		problem(w, http.StatusTooManyRequests, "throttled", "Too many attempts. Please wait a little and try again.", e.RetryAfter)
	case ipc.CodeExpired:
		problem(w, http.StatusBadRequest, "expired", "This page was open for too long. Please try again.", 0)
	case ipc.CodeInvalid:
		problem(w, http.StatusBadRequest, "invalid", "The request could not be read.", 0)
	case ipc.CodeForbidden:
		problem(w, http.StatusForbidden, "forbidden", "This is not allowed.", 0)
	case ipc.CodeNotFound:
		problem(w, http.StatusNotFound, "notFound", "There is nothing here.", 0)
	case ipc.CodeUnavailable:
		problem(w, http.StatusServiceUnavailable, "unavailable", "The mail server cannot be reached right now. Nothing is lost; please try again in a moment.", max(e.RetryAfter, 1))
	default:
		g.log.Error("call failed", "err", err)
		problem(w, http.StatusInternalServerError, "internal", "Something went wrong on our side.", 0)
	}
}
