package keeper

import (
	"context"
	"crypto/subtle"
	"errors"
	"slices"
	"sync"
	"time"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
	"cofferdam/internal/store"
)

var errSignedOut = ipc.Errorf(ipc.CodeUnknown, "there is no such session")

// openSession answers gate's question who a cookie is.
func (k *Keeper) openSession(ctx context.Context, req ipc.OpenRequest) (ipc.Grant, error) {
	s, err := k.opened(ctx, req.Key, req.Network)
	if err != nil {
		return ipc.Grant{}, err
	}
	if grant, ok, err := s.current(req.Stale); ok || err != nil {
		return grant, err
	}
	release, err := k.turns.take(ctx, s.uid)
	if err != nil {
		return ipc.Grant{}, err
	}
	defer release()
	if grant, ok, err := s.current(req.Stale); ok || err != nil {
		return grant, err // another request of the session was quicker
	}
	if err := k.placeRow(ctx, s); err != nil {
		return ipc.Grant{}, err
	}
	grant, _, err := s.current(nil)
	return grant, err
}

// placeRow places a session whose row is there. It needs the person's turn.
func (k *Keeper) placeRow(ctx context.Context, s *session) error {
	err := k.place(ctx, s)
	if ipc.CodeOf(err) == ipc.CodeExpired { // the platform takes its password no more
		return errors.Join(errSignedOut, k.endSessions(ctx, store.SessionHash(s.hash)))
	}
	if err != nil {
		return err
	}
	// An end that came between the row's reading and the session's entry in live
	// did not meet the session.
	if _, err := k.store.Session(ctx, store.SessionHash(s.hash)); errors.Is(err, store.ErrNotFound) {
		return errors.Join(errSignedOut, k.endSessions(ctx, store.SessionHash(s.hash)))
	}
	return nil
}

// alive answers which of gate's sessions are over. It is no use of them.
func (k *Keeper) alive(ctx context.Context, req ipc.Alive) (ipc.Ended, error) {
	var out ipc.Ended
	if len(req.Sessions) > ipc.MaxAlive {
		return out, ipc.Errorf(ipc.CodeInvalid, "more than %d sessions", ipc.MaxAlive)
	}
	at := now()
	for _, id := range req.Sessions {
		if len(id) != len(store.SessionHash{}) {
			return out, ipc.Errorf(ipc.CodeInvalid, "session id of %d bytes", len(id))
		}
		row := store.Session{}
		if s := k.live.get(seal.SessionHash(id)); s != nil {
			row = s.row()
		} else {
			var err error
			row, err = k.store.Session(ctx, store.SessionHash(id))
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return out, err
			}
		}
		if k.over(row, at) { // a row that is not there has expired in the year 1
			out.Sessions = append(out.Sessions, id)
		}
	}
	return out, nil
}

// held answers porter what alive answers gate, and ends what is over everywhere:
// cells may hold keys of it, too.
func (k *Keeper) held(ctx context.Context, req ipc.Alive) (ipc.Ended, error) {
	out, err := k.alive(ctx, req)
	if err != nil || len(out.Sessions) == 0 {
		return out, err
	}
	hashes := make([]store.SessionHash, 0, len(out.Sessions))
	for _, id := range out.Sessions {
		hashes = append(hashes, store.SessionHash(id))
	}
	return out, k.endSessions(ctx, hashes...)
}

// opened finds the live session of a key, or opens its envelope. The row decides:
// what was deleted there is over, whatever memory says.
func (k *Keeper) opened(ctx context.Context, key ipc.SessionKey, network string) (*session, error) {
	token, err := seal.ParseSessionToken(key.SID, key.SKey)
	if err != nil {
		return nil, errSignedOut
	}
	defer token.Wipe()
	row, err := k.store.Session(ctx, store.SessionHash(token.Hash()))
	if errors.Is(err, store.ErrNotFound) {
		return nil, errSignedOut
	}
	if err != nil {
		return nil, err
	}
	if k.over(row, now()) {
		return nil, errors.Join(errSignedOut, k.endSessions(ctx, row.Hash))
	}
	s := k.live.get(token.Hash())
	if s != nil {
		hash := tokenHash(token)
		if subtle.ConstantTimeCompare(s.token[:], hash[:]) != 1 {
			return nil, errSignedOut
		}
	} else if s, err = k.reopen(row, token, network); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.seen, s.checked = now(), time.Now()
	s.mu.Unlock()
	return s, ignore(k.store.TouchSession(ctx, row.Hash, now()), store.ErrNotFound)
}

// over says whether a session has reached one of its limits.
func (k *Keeper) over(row store.Session, at time.Time) bool {
	limits := k.limits.Load()
	idle := limits.Idle
	if row.Kind == store.Bearer {
		idle = limits.Absolute // a client on a telephone may be off for days
	}
	return !at.Before(row.Expires) || !row.Created.IsZero() && at.Sub(row.Created) >= limits.Absolute || at.Sub(row.LastSeen) > idle+time.Minute // LastSeen is to the minute
}

// reopen opens an envelope with the cookie, as after a restart of keeper.
func (k *Keeper) reopen(row store.Session, token seal.SessionToken, network string) (*session, error) {
	e, ok := k.epochs.find(row.Epoch)
	if !ok {
		return nil, errSignedOut
	}
	env, err := seal.OpenSession(e, token, row.UID, row.Sealed)
	if err != nil {
		return nil, errSignedOut // wrong skey, or a row that was tampered with
	}
	uploads, err := token.UploadKey(row.UID)
	if err != nil {
		return nil, err
	}
	s := &session{hash: token.Hash(), token: tokenHash(token), uid: row.UID, kind: row.Kind, credential: env.Credential,
		umk: env.UMK, uploads: uploads, locked: env.UMK.IsZero(), network: network, created: row.Created, expires: row.Expires, seen: now(), checked: time.Now()}
	if s.locked {
		s.umk = seal.NewUMK()
	}
	if s.platform == "" {
		s.platform = "?" // porter finds it by the login inside of the credential
	}
	there := k.live.add(s)
	if there != s { // another request was quicker
		s.umk.Wipe()
		s.uploads.Wipe()
	}
	return there, nil
}

// signOut ends the asking session.
func (k *Keeper) signOut(ctx context.Context, key ipc.SessionKey) (ipc.None, error) {
	s, err := k.opened(ctx, key, "")
	if err != nil {
		return ipc.None{}, err
	}
	return ipc.None{}, k.endSessions(ctx, store.SessionHash(s.hash))
}

// list shows a person their sessions.
func (k *Keeper) list(ctx context.Context, key ipc.SessionKey) (ipc.SessionList, error) {
	var out ipc.SessionList
	s, err := k.opened(ctx, key, "")
	if err != nil {
		return out, err
	}
	rows, err := k.store.UserSessions(ctx, s.uid)
	if err != nil {
		return out, err
	}
	umk, err := s.master()
	if err != nil {
		return out, err
	}
	defer umk.Wipe()
	for _, r := range rows {
		l := openLabel(umk, s.uid, r.Hash, r.Label)
		out.Sessions = append(out.Sessions, ipc.SessionInfo{
			ID: r.Hash[:], Kind: string(r.Kind), Current: r.Hash == store.SessionHash(s.hash), Created: r.Created.Unix(),
			LastSeen: max(r.LastSeen.Unix(), r.Created.Unix()), Expires: r.Expires.Unix(), Agent: l.Agent, Network: l.Network, Name: l.Name,
		})
	}
	return out, nil
}

// revoke ends sessions of the asking person.
func (k *Keeper) revoke(ctx context.Context, req ipc.RevokeRequest) (ipc.None, error) {
	s, err := k.opened(ctx, req.Key, "")
	if err != nil {
		return ipc.None{}, err
	}
	rows, err := k.store.UserSessions(ctx, s.uid)
	if err != nil {
		return ipc.None{}, err
	}
	var end []store.SessionHash
	for _, r := range rows {
		named := slices.ContainsFunc(req.IDs, func(id []byte) bool { return string(id) == string(r.Hash[:]) })
		if named || req.Others && r.Hash != store.SessionHash(s.hash) {
			end = append(end, r.Hash)
		}
	}
	if len(end) == 0 && !req.Others {
		return ipc.None{}, ipc.Errorf(ipc.CodeNotFound, "no such session")
	}
	return ipc.None{}, k.endSessions(ctx, end...)
}

// token makes a named bearer token for another client.
func (k *Keeper) token(ctx context.Context, req ipc.TokenRequest) (ipc.SignedIn, error) {
	var none ipc.SignedIn
	s, err := k.opened(ctx, req.Key, "")
	if err != nil {
		return none, err
	}
	if req.Name == "" || len(req.Name) > maxName {
		return none, ipc.Errorf(ipc.CodeInvalid, "a token needs a name of at most %d bytes", maxName)
	}
	if s.kind != store.Cookie || s.locked {
		return none, ipc.Errorf(ipc.CodeForbidden, "a token is made in the settings of a full session")
	}
	umk, err := s.master()
	if err != nil {
		return none, err
	}
	s.mu.Lock()
	t := &session{uid: s.uid, kind: store.Bearer, login: s.login, platform: s.platform, addresses: s.addresses,
		credential: s.credential, umk: umk, network: s.network}
	s.mu.Unlock()
	out, err := k.begin(ctx, t, "", req.Name)
	if err != nil {
		umk.Wipe()
	}
	return out, err
}

// endSessions ends sessions everywhere: rows first, so that nothing opens them
// again, then gate's streams, porter's pipes, the cell's keys, all within
// notifyTime.
func (k *Keeper) endSessions(ctx context.Context, hashes ...store.SessionHash) error {
	ids := make([][]byte, 0, len(hashes))
	for _, h := range hashes {
		if err := ignore(k.store.DeleteSession(ctx, h), store.ErrNotFound); err != nil {
			return err
		}
		ids = append(ids, h[:])
	}
	for _, h := range hashes {
		if s := k.live.remove(seal.SessionHash(h)); s != nil {
			at, _ := s.now()
			k.vacate(ctx, s, at)
		}
	}
	k.tellEnded(ctx, ids)
	k.endUploads(hashes)
	return nil
}

// tellEnded tells everybody who may know the sessions. Who does not answer in
// time learns it soon: gate and porter ask, and a cell's pipes are closed by
// porter.
func (k *Keeper) tellEnded(ctx context.Context, ids [][]byte) {
	if len(ids) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), notifyTime)
	defer cancel()
	calls := []func([][]byte) error{
		func(ids [][]byte) error {
			_, err := ipc.Call[ipc.None](ctx, k.porter, ipc.PorterEnd, ipc.EndRequest{Sessions: ids})
			return err
		}, func(ids [][]byte) error {
			_, err := ipc.Call[ipc.None](ctx, k.gate, ipc.GateEnded, ipc.Ended{Sessions: ids})
			return err
		},
	}
	for _, c := range k.cells.clients() {
		calls = append(calls, func(ids [][]byte) error {
			_, err := ipc.Call[ipc.None](ctx, c, ipc.CellPersonEnd, ipc.EndRequest{Sessions: ids})
			return err
		})
	}
	var wg sync.WaitGroup
	for _, call := range calls {
		wg.Go(func() {
			for some := range slices.Chunk(ids, ipc.MaxAlive) {
				if err := call(some); err != nil {
					k.log.Warn("end of a session not delivered", "err", err)
				}
			}
		})
	}
	wg.Wait()
}
