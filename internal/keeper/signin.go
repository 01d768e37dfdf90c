package keeper

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/limit"
	"cofferdam/internal/seal"
	"cofferdam/internal/store"
	"cofferdam/internal/user"
)

// offer passes on what a page needs in order to seal a sign-in.
func (k *Keeper) offer(ctx context.Context, _ ipc.None) (ipc.SignInOffer, error) {
	return ipc.Call[ipc.SignInOffer](ctx, k.porter, ipc.PorterSignIn, ipc.None{})
}

// signIn is the whole of a sign-in (doc.go).
func (k *Keeper) signIn(ctx context.Context, req ipc.SignInRequest) (ipc.SignedIn, error) {
	var none ipc.SignedIn
	kind, err := kindOf(req.Kind)
	if err != nil {
		return none, err
	}
	network := limit.Network(req.Network)
	device, known := k.openDevice(req.Device)
	// A known browser has a count of its own, so that strangers in its network do
	// not make it wait. It has one: a token is for one account, and guesses at
	// others count all the same.
	source := network
	if known {
		source = "device\x00" + string(device)
	}
	most := k.limits.Load().FailsNetwork
	end, wait := k.fails.Begin(source, most)
	if wait > 0 {
		return none, &ipc.Error{Code: ipc.CodeThrottled, Detail: "too many failed sign-ins from this network", RetryAfter: wait}
	}
	auth, err := ipc.Call[ipc.Authenticated](ctx, k.porter, ipc.PorterAuth, ipc.AuthRequest{Box: req.Box, Network: req.Network, Known: known, Device: device})
	end(ipc.CodeOf(err) == ipc.CodeRefused)
	if err != nil {
		return none, err
	}
	uid, err := k.person(ctx, auth.Login)
	if err != nil {
		return none, err
	}
	umk, locked, err := k.unlock(ctx, uid, auth.Ref)
	if errors.Is(err, store.ErrConflict) {
		return none, ipc.Errorf(ipc.CodeUnavailable, "another first sign-in of this person is under way")
	}
	if err != nil {
		return none, err
	}
	s := &session{uid: uid, kind: kind, login: auth.Login, platform: auth.Platform, addresses: auth.Addresses,
		credential: auth.Credential, umk: umk, locked: locked, network: req.Network, shared: req.Shared}
	signed, err := k.begin(ctx, s, req.Agent, "")
	if err != nil {
		umk.Wipe()
		return none, err
	}
	if kind == store.Cookie && !req.Shared {
		signed.Device = k.deviceToken(auth.Login)
	}
	return signed, nil
}

func kindOf(s string) (store.SessionKind, error) {
	switch s {
	case ipc.KindCookie, ipc.KindBearer, ipc.KindBasic:
		return store.SessionKind(s), nil
	}
	return "", ipc.Errorf(ipc.CodeInvalid, "kind of session")
}

// begin makes a session's token and row, and places it in a cell.
func (k *Keeper) begin(ctx context.Context, s *session, agent, name string) (ipc.SignedIn, error) {
	token := seal.NewSessionToken()
	defer token.Wipe()
	s.hash, s.token = token.Hash(), tokenHash(token)
	var err error
	if s.uploads, err = token.UploadKey(s.uid); err != nil {
		return ipc.SignedIn{}, err
	}
	s.created, s.seen, s.checked = now(), now(), time.Now()
	s.expires = s.created.Add(k.lifetime(s))
	if err := k.storeNew(ctx, s, token, agent, name); err != nil {
		return ipc.SignedIn{}, err
	}
	k.live.add(s)
	grant, err := k.enter(ctx, s)
	if err != nil {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), notifyTime)
		defer cancel()
		_ = k.endSessions(end, store.SessionHash(s.hash)) // porter or the cell may have been told; its expiry is the last resort
		return ipc.SignedIn{}, err
	}
	sid, skey := token.Reveal()
	key := ipc.SessionKey{SID: append([]byte(nil), sid...), SKey: append([]byte(nil), skey...)}
	return ipc.SignedIn{Key: key, Grant: grant}, nil
}

// enter places a new session.
func (k *Keeper) enter(ctx context.Context, s *session) (ipc.Grant, error) {
	release, err := k.turns.take(ctx, s.uid)
	if err != nil {
		return ipc.Grant{}, err
	}
	defer release()
	if err := k.placeRow(ctx, s); err != nil {
		return ipc.Grant{}, err
	}
	grant, _, err := s.current(nil)
	return grant, err
}

// storeNew seals a new session and stores its row.
func (k *Keeper) storeNew(ctx context.Context, s *session, token seal.SessionToken, agent, name string) error {
	k.epochs.writing.RLock()
	defer k.epochs.writing.RUnlock()
	e := k.epochs.current()
	envelope := seal.Session{UMK: s.umk, Credential: s.credential, Expiry: s.expires}
	if s.locked {
		envelope.UMK = seal.UMK{}
	}
	sealed, err := seal.SealSession(e, token, s.uid, envelope)
	if err != nil {
		return err
	}
	label, err := sealLabel(s, label{Agent: agent, Network: s.network, Name: name, Shared: s.shared})
	if err != nil {
		return err
	}
	return k.addRow(ctx, store.Session{Hash: store.SessionHash(s.hash), UID: s.uid, Kind: s.kind, Revision: 1, Epoch: e.Number, Sealed: sealed,
		Label: label, Created: s.created, LastSeen: s.created, Expires: s.expires})
}

// addRow stores a session; a person who has too many loses the one that was not
// used for the longest.
func (k *Keeper) addRow(ctx context.Context, row store.Session) error {
	err := k.store.AddSession(ctx, row)
	if !errors.Is(err, store.ErrLimit) {
		return err
	}
	rows, err := k.store.UserSessions(ctx, row.UID)
	if err != nil || len(rows) == 0 {
		return err
	}
	oldest := rows[0]
	for _, r := range rows {
		if r.LastSeen.Before(oldest.LastSeen) {
			oldest = r
		}
	}
	if err := k.endSessions(ctx, oldest.Hash); err != nil {
		return err
	}
	return k.store.AddSession(ctx, row)
}

// lifetime is how long a session may live in any case.
func (k *Keeper) lifetime(s *session) time.Duration {
	switch {
	case s.shared:
		return k.limits.Load().Shared
	case s.kind == store.Basic:
		return min(k.limits.Load().Absolute, basicLife)
	}
	return k.limits.Load().Absolute
}

// label is what a person sees of a session in the list. It is sealed with a key
// of class auth, which never leaves keeper.
type label struct {
	Agent   string `json:"agent"`
	Network string `json:"network"`
	Name    string `json:"name,omitempty"`
	Shared  bool   `json:"shared,omitempty"`
}

func sealLabel(s *session, l label) ([]byte, error) {
	if s.locked {
		return nil, nil // there is no key yet under which the person could read it later
	}
	l.Agent, l.Name = clip(l.Agent, maxAgent), clip(l.Name, maxName)
	text, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	key, err := s.umk.ClassKey(s.uid, seal.ClassAuth, 1)
	if err != nil {
		return nil, err
	}
	defer key.Wipe()
	return key.SealRecord(s.hash[:], 1, text)
}

func openLabel(umk seal.UMK, uid user.ID, hash store.SessionHash, sealed []byte) label {
	var l label
	key, err := umk.ClassKey(uid, seal.ClassAuth, 1)
	if err != nil {
		return l
	}
	defer key.Wipe()
	text, err := key.OpenRecord(hash[:], 1, sealed)
	if err == nil {
		_ = json.Unmarshal(text, &l) // a row that cannot be read shows no words
	}
	return l
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// classKeys are the keys that a cell gets (DESIGN section 5).
func classKeys(s *session) ([]ipc.ClassKey, error) {
	umk, err := s.master()
	if err != nil {
		return nil, err
	}
	defer umk.Wipe()
	var out []ipc.ClassKey
	for _, c := range seal.CellClasses() {
		key, err := umk.ClassKey(s.uid, c, 1)
		if err != nil {
			return nil, err
		}
		out = append(out, ipc.ClassKey{Class: string(c), Generation: 1, Key: append([]byte(nil), key.Reveal()...)})
		key.Wipe()
	}
	return out, nil
}
