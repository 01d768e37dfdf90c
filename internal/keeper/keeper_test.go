package keeper

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
	"cofferdam/internal/store"
	"cofferdam/internal/user"
)

// stage is a keeper over a real database, with a porter, a vault and cells that
// the test plays.
type stage struct {
	*Keeper
	t *testing.T

	mu      sync.Mutex                              // guards the rest
	porter  map[string]ipc.LiveRequest              // by session
	cells   map[string]map[string]ipc.PersonRequest // by cell and session
	fences  map[string]int64                        // by cell and person
	needed  []string
	refuse  ipc.Code      // porter refuses every registration
	stuck   chan struct{} // cells do not answer while it is not nil and open
	during  func()        // runs while a cell takes a person
	deposit int           // vault refuses so many deposits
	held    ipc.Epochs
}

func newStage(t *testing.T, cfg Config) *stage {
	t.Helper()
	db, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s := &stage{t: t, porter: map[string]ipc.LiveRequest{}, cells: map[string]map[string]ipc.PersonRequest{}, fences: map[string]int64{}}
	cfg.Node, cfg.DeviceKey = "main", make([]byte, 32)
	cfg.Idle, cfg.Absolute, cfg.Shared, cfg.FailsNetwork = time.Hour, 24*time.Hour, time.Hour, 3
	s.Keeper, err = New(cfg, db, s.vaultRole(), s.porterRole(), s.client("gate", s.mux()), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s.Keeper.cells.need = func(_ context.Context, name string) error {
		s.mu.Lock()
		s.needed = append(s.needed, name)
		s.mu.Unlock()
		s.addCell(name)
		return nil
	}
	if err := s.inherit(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stage) mux() *ipc.Mux { return ipc.NewMux(slog.New(slog.DiscardHandler)) }

// line is an end of a line whose other end answers with m.
func (s *stage) line(name string, m *ipc.Mux) *ipc.Line {
	s.t.Helper()
	fa, fb, err := ipc.NewPair()
	if err != nil {
		s.t.Fatal(err)
	}
	a, err := ipc.NewLine(name, fa)
	if err != nil {
		s.t.Fatal(err)
	}
	b, err := ipc.NewLine("keeper", fb)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = ipc.Serve(ctx, b.Listener(), m, time.Second) }()
	s.t.Cleanup(func() { cancel(); <-done; fa.Close(); fb.Close() })
	return a
}

func (s *stage) client(name string, m *ipc.Mux) *ipc.Client { return ipc.NewClient(s.line(name, m)) }

func (s *stage) vaultRole() *ipc.Client {
	m := s.mux()
	ipc.Handle(m, ipc.VaultEpochGet, 1<<10, time.Second, func(context.Context, ipc.None) (ipc.Epochs, error) { return ipc.Epochs{}, nil })
	ipc.Handle(m, ipc.VaultEpochPut, 1<<10, time.Second, func(_ context.Context, e ipc.Epochs) (ipc.None, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.deposit > 0 {
			s.deposit--
			return ipc.None{}, ipc.Errorf(ipc.CodeUnavailable, "")
		}
		s.held = e
		return ipc.None{}, nil
	})
	ipc.Handle(m, ipc.VaultUnwrap, 64<<10, time.Second, func(context.Context, ipc.UnwrapRequest) (ipc.Unwrapped, error) {
		return ipc.Unwrapped{}, ipc.Errorf(ipc.CodeLocked, "slot does not open")
	})
	return s.client("vault", m)
}

func (s *stage) porterRole() *ipc.Client {
	m := s.mux()
	ipc.Handle(m, ipc.PorterLive, 64<<10, time.Second, func(_ context.Context, r ipc.LiveRequest) (ipc.LiveAnswer, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.refuse != "" {
			return ipc.LiveAnswer{}, ipc.Errorf(s.refuse, "")
		}
		s.porter[string(r.Session)] = r
		return ipc.LiveAnswer{Login: "ada@x.test", Platform: "p", Addresses: []string{"ada@x.test"}}, nil
	})
	ipc.Handle(m, ipc.PorterEnd, 64<<10, time.Second, func(_ context.Context, r ipc.EndRequest) (ipc.None, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, id := range r.Sessions {
			delete(s.porter, string(id))
		}
		return ipc.None{}, nil
	})
	ipc.Handle(m, ipc.PorterAuth, 64<<10, time.Second, func(context.Context, ipc.AuthRequest) (ipc.Authenticated, error) {
		return ipc.Authenticated{}, ipc.Errorf(ipc.CodeRefused, "")
	})
	ipc.Handle(m, ipc.PorterDerive, 4<<10, time.Second, func(context.Context, ipc.DeriveRequest) (ipc.Derived, error) {
		return ipc.Derived{A: bytes.Repeat([]byte{1}, 32)}, nil
	})
	return s.client("porter", m)
}

// addCell starts a cell that keeps people as a real one does: one fence a person.
func (s *stage) addCell(name string) {
	m := s.mux()
	ipc.Handle(m, ipc.CellPerson, 64<<10, 5*time.Second, func(ctx context.Context, r ipc.PersonRequest) (ipc.PersonTaken, error) {
		s.mu.Lock()
		stuck, during := s.stuck, s.during
		s.mu.Unlock()
		if stuck != nil {
			select {
			case <-stuck:
			case <-ctx.Done():
			}
		}
		if during != nil {
			during()
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		key := name + string(r.UID)
		if r.Resume && s.fences[key] != r.Fence {
			return ipc.PersonTaken{}, nil
		}
		beside := func(o ipc.PersonRequest) bool { return bytes.Equal(o.UID, r.UID) && o.Locked != r.Locked }
		like := func(o ipc.PersonRequest) bool { return bytes.Equal(o.UID, r.UID) && o.Locked == r.Locked }
		all := slices.Collect(maps.Values(s.cells[name]))
		if r.Resume && !slices.ContainsFunc(all, like) {
			return ipc.PersonTaken{Beside: slices.ContainsFunc(all, beside)}, nil
		}
		if s.fences[key] != r.Fence || s.cells[name] == nil {
			have := s.cells[name]
			maps.DeleteFunc(have, func(_ string, o ipc.PersonRequest) bool { return bytes.Equal(o.UID, r.UID) })
			s.fences[key] = r.Fence
		}
		if s.cells[name] == nil {
			s.cells[name] = map[string]ipc.PersonRequest{}
		}
		s.cells[name][string(r.Session)] = r
		return ipc.PersonTaken{Held: true}, nil
	})
	ipc.Handle(m, ipc.CellPersonEnd, 1<<20, time.Second, func(_ context.Context, r ipc.EndRequest) (ipc.None, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, id := range r.Sessions {
			delete(s.cells[name], string(id))
		}
		return ipc.None{}, nil
	})
	s.Keeper.cells.add(s.line(name, m))
}

// restartCell makes a cell forget everybody, as its successor would.
func (s *stage) restartCell(name string) {
	s.mu.Lock()
	delete(s.cells, name)
	clear(s.fences)
	s.mu.Unlock()
	s.restarted(s.t.Context(), name)
}

func (s *stage) people(cell string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.cells[cell])
}

func (s *stage) signedIn(uid user.ID) ipc.SignedIn {
	s.t.Helper()
	out, err := s.try(uid)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

func (s *stage) try(uid user.ID) (ipc.SignedIn, error) {
	if _, err := s.store.AddLogin(s.t.Context(), sha256.Sum256(uid[:]), uid); ignore(err, store.ErrConflict) != nil {
		return ipc.SignedIn{}, err
	}
	return s.begin(s.t.Context(), &session{uid: uid, kind: store.Cookie, login: "ada@x.test", credential: []byte("c"), umk: seal.NewUMK()}, "", "")
}

func (s *stage) open(k ipc.SessionKey, stale []byte) (ipc.Grant, error) {
	return s.openSession(s.t.Context(), ipc.OpenRequest{Key: k, Stale: stale})
}

// All sessions of a person live on together when their cell is replaced.
func TestRestartedCellKeepsAllSessions(t *testing.T) {
	s := newStage(t, Config{Cells: 1})
	s.addCell("cell/0")
	uid := user.NewID()
	for range 3 {
		s.signedIn(uid)
	}
	s.restartCell("cell/0")
	if n := s.people("cell/0"); n != 3 {
		t.Errorf("the new cell has %d of 3 sessions: each fence ended the one before", n)
	}
}

func TestPlacingAtOnceSharesOneFence(t *testing.T) {
	s := newStage(t, Config{Cells: 1})
	s.addCell("cell/0")
	uid := user.NewID()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := s.try(uid); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := s.people("cell/0"); n != 8 {
		t.Errorf("%d of 8 sessions are in the cell", n)
	}
}

// A session that ends while it is placed is in no cell and no porter afterwards,
// and its end does not wait for a stuck cell.
func TestEndDuringPlacing(t *testing.T) {
	s := newStage(t, Config{Cells: 1})
	s.addCell("cell/0")
	uid := user.NewID()
	in := s.signedIn(uid)
	s.mu.Lock()
	s.during = sync.OnceFunc(func() {
		start := time.Now()
		if err := s.endSessions(t.Context(), store.SessionHash(in.Grant.Session)); err != nil || time.Since(start) > 2*notifyTime {
			t.Errorf("ending took %s: %v", time.Since(start), err)
		}
	})
	s.mu.Unlock()
	if _, err := s.open(in.Key, in.Grant.Capability); ipc.CodeOf(err) != ipc.CodeUnknown {
		t.Errorf("opened: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.porter) > 0 || len(s.cells["cell/0"]) > 0 {
		t.Errorf("porter has %d, the cell %d capabilities of it", len(s.porter), len(s.cells["cell/0"]))
	}
}

// Seats of sign-ins that failed midway are free again.
func TestFailedPlacingLeavesNoSeat(t *testing.T) {
	s := newStage(t, Config{PeoplePerCell: 1})
	s.mu.Lock()
	s.refuse = ipc.CodeUnavailable
	s.mu.Unlock()
	for range 3 {
		if _, err := s.try(user.NewID()); err == nil {
			t.Fatal("porter's no was passed over")
		}
	}
	s.mu.Lock()
	s.refuse = ""
	s.mu.Unlock()
	s.signedIn(user.NewID())
	if len(s.needed) != 1 {
		t.Errorf("%d cells were started for one person: %v", len(s.needed), s.needed)
	}
}

// A keeper that was restarted does not know who is in the cells that it finds, and
// puts nobody to them where people_per_cell is promised.
func TestInheritedCellsGetNobodyNew(t *testing.T) {
	s := newStage(t, Config{PeoplePerCell: 2})
	s.addCell("cell/0")
	s.Keeper.cells.inherit()
	if in := s.signedIn(user.NewID()); in.Grant.Cell == "cell/0" {
		t.Error("a stranger was put to people whom keeper does not know")
	}
}

// The platform's no to a live session's password ends that session.
func TestRefusedCredentialEndsSession(t *testing.T) {
	s := newStage(t, Config{Cells: 1})
	s.addCell("cell/0")
	in := s.signedIn(user.NewID())
	s.mu.Lock()
	s.refuse = ipc.CodeExpired
	s.mu.Unlock()
	for range 2 {
		if _, err := s.open(in.Key, in.Grant.Capability); ipc.CodeOf(err) != ipc.CodeUnknown {
			t.Errorf("opened: %v", err)
		}
	}
}

// A capability outlives the epoch that it was made in, and dies with its session.
func TestCapabilityOutlivesEpoch(t *testing.T) {
	s := newStage(t, Config{Cells: 1})
	s.addCell("cell/0")
	in := s.signedIn(user.NewID())
	old := s.epochs.current()
	old.Created = old.Created.Add(-2 * resealEvery)
	s.epochs.set([]seal.Epoch{old})
	if err := s.turn(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.epochs.find(old.Number); ok {
		t.Fatal("the old epoch is still there")
	}
	if _, err := s.parseCapability(in.Grant.Capability, "cell/0"); err != nil {
		t.Errorf("the turn of the epoch ended a capability: %v", err)
	}
	forged := bytes.Clone(in.Grant.Capability)
	forged[capHead-1]++
	for name, try := range map[string]struct {
		capability []byte
		cell       string
	}{"forged": {forged, "cell/0"}, "of another cell": {in.Grant.Capability, "cell/1"}} {
		if _, err := s.parseCapability(try.capability, try.cell); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := s.signOut(t.Context(), in.Key); err != nil {
		t.Fatal(err)
	}
	if _, err := s.parseCapability(in.Grant.Capability, "cell/0"); ipc.CodeOf(err) != ipc.CodeUnknown {
		t.Errorf("after the end: %v", err)
	}
}

// Sessions that begin while the epoch turns are under the new one, all of them.
func TestSessionsBeginDuringTurn(t *testing.T) {
	s := newStage(t, Config{Cells: 1})
	s.addCell("cell/0")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 25 {
				if _, err := s.try(user.NewID()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all := make(chan struct{})
	go func() { wg.Wait(); close(all) }()
	for more := true; more; {
		select {
		case <-all:
			more = false
		default:
		}
		old := s.epochs.current()
		old.Created = old.Created.Add(-2 * resealEvery)
		s.epochs.set([]seal.Epoch{old})
		if err := s.turn(t.Context()); err != nil {
			t.Error(err)
		}
		rows, err := s.store.SessionsNotOf(t.Context(), s.epochs.current().Number, 10)
		if err != nil || len(rows) > 0 {
			t.Errorf("%d rows are under a key that nobody has (%v)", len(rows), err)
		}
	}
}

func TestVaultGetsEpochsInTheEnd(t *testing.T) {
	s := newStage(t, Config{Cells: 1})
	s.mu.Lock()
	s.deposit, s.held = 2, ipc.Epochs{}
	s.mu.Unlock()
	s.restarted(t.Context(), "vault")
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.held.Keys) != 1 {
		t.Error("the new vault has no epoch key: keeper's next restart would sign everybody out")
	}
}

func TestAlive(t *testing.T) {
	s := newStage(t, Config{Cells: 1})
	s.addCell("cell/0")
	a, b, c := s.signedIn(user.NewID()), s.signedIn(user.NewID()), s.signedIn(user.NewID())
	if _, err := s.signOut(t.Context(), b.Key); err != nil {
		t.Fatal(err)
	}
	s.live.remove(seal.SessionHash(c.Grant.Session)) // as after a restart: the row is there
	over, err := s.alive(t.Context(), ipc.Alive{Sessions: [][]byte{a.Grant.Session, b.Grant.Session, c.Grant.Session}})
	if err != nil || len(over.Sessions) != 1 || !bytes.Equal(over.Sessions[0], b.Grant.Session) {
		t.Errorf("got %d sessions over, %v; want the one that was signed out", len(over.Sessions), err)
	}
	if _, err := s.alive(t.Context(), ipc.Alive{Sessions: make([][]byte, ipc.MaxAlive+1)}); ipc.CodeOf(err) != ipc.CodeInvalid {
		t.Errorf("too many: %v", err)
	}
}

// New limits count for those who are signed in.
func TestReloadedLimits(t *testing.T) {
	s := newStage(t, Config{Cells: 1})
	s.addCell("cell/0")
	in := s.signedIn(user.NewID())
	live := s.live.get(seal.SessionHash(in.Grant.Session))
	live.created = live.created.Add(-2 * time.Hour)
	if s.over(live.row(), now()) {
		t.Fatal("over before the reload")
	}
	cfg := s.cfg
	cfg.Absolute = time.Hour
	data, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.reload(data)
	if err := s.sweepSessions(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.open(in.Key, nil); ipc.CodeOf(err) != ipc.CodeUnknown {
		t.Errorf("a session older than the new limit: %v", err)
	}
}

// A row that somebody else deleted ends its session at the next sweep.
func TestSweepFindsGoneRows(t *testing.T) {
	s := newStage(t, Config{Cells: 1})
	s.addCell("cell/0")
	in := s.signedIn(user.NewID())
	if err := s.store.DeleteSession(t.Context(), store.SessionHash(in.Grant.Session)); err != nil {
		t.Fatal(err)
	}
	if err := s.sweepSessions(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, _ := s.live.count(); n != 0 || s.people("cell/0") != 0 {
		t.Errorf("%d sessions live on", n)
	}
}

// A device token spares its owner the network's wait; it is no pass for guesses.
func TestDeviceTokenHasItsOwnCount(t *testing.T) {
	s := newStage(t, Config{Cells: 1})
	guess := func(device []byte) ipc.Code {
		_, err := s.signIn(t.Context(), ipc.SignInRequest{Kind: ipc.KindCookie, Network: "192.0.2.1", Device: device})
		return ipc.CodeOf(err)
	}
	for range 3 {
		guess(nil)
	}
	if got := guess(nil); got != ipc.CodeThrottled {
		t.Fatalf("the network is not throttled: %s", got)
	}
	token := s.deviceToken("mallory@x.test")
	if got := guess(token); got != ipc.CodeRefused {
		t.Errorf("the owner of a known browser has to wait for strangers: %s", got)
	}
	for range 3 {
		guess(token)
	}
	if got := guess(token); got != ipc.CodeThrottled {
		t.Errorf("a device token lets guesses pass without end: %s", got)
	}
}

// Guesses from one network at the same moment are no more than those one after
// another.
func TestGuessesAtOnce(t *testing.T) {
	s := newStage(t, Config{Cells: 1})
	codes := make(chan ipc.Code, 40)
	for i := range cap(codes) {
		go func() {
			_, err := s.signIn(t.Context(), ipc.SignInRequest{Kind: ipc.KindCookie, Network: fmt.Sprintf("2001:db8::%x", i)})
			codes <- ipc.CodeOf(err)
		}()
	}
	asked := 0
	for range cap(codes) {
		if <-codes == ipc.CodeRefused {
			asked++
		}
	}
	if asked > 3 {
		t.Errorf("the platform was asked %d times, want at most 3", asked)
	}
}

// A session that is locked gets into the person's cell beside the open ones, under
// the same fence and with keys of its own, and ends none of them.
func TestLockedSessionIsPlacedBeside(t *testing.T) {
	s := newStage(t, Config{Cells: 1})
	s.addCell("cell/0")
	uid := user.NewID()
	open := s.signedIn(uid)
	locked, err := s.begin(t.Context(), &session{uid: uid, kind: store.Cookie, login: "ada@x.test", credential: []byte("c"), umk: seal.NewUMK(), locked: true}, "", "")
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, b := s.cells["cell/0"][string(open.Grant.Session)], s.cells["cell/0"][string(locked.Grant.Session)]
	if a.Fence != b.Fence || len(a.Keys) == 0 || len(b.Keys) != len(a.Keys) || !b.Locked {
		t.Fatalf("open %+v\nlocked %+v", a, b)
	}
	for i := range a.Keys {
		if bytes.Equal(a.Keys[i].Key, b.Keys[i].Key) {
			t.Errorf("the locked session got the key of %s", a.Keys[i].Class)
		}
	}
}

// A keeper that was restarted does not know sessions that nobody used since; when
// porter asks, those that are over are ended everywhere.
func TestHeldSessionsThatAreOverEnd(t *testing.T) {
	s := newStage(t, Config{Cells: 1})
	s.addCell("cell/0")
	idle, used := s.signedIn(user.NewID()), s.signedIn(user.NewID())
	row, err := s.store.Session(t.Context(), store.SessionHash(idle.Grant.Session))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.store.DeleteSession(t.Context(), row.Hash); err != nil {
		t.Fatal(err)
	}
	row.LastSeen, row.Revision = now().Add(-3*time.Hour), 1
	if err := s.store.AddSession(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	s.Keeper.live = newLive() // a new process
	out, err := s.Keeper.held(t.Context(), ipc.Alive{Sessions: [][]byte{idle.Grant.Session, used.Grant.Session}})
	if err != nil || len(out.Sessions) != 1 || !bytes.Equal(out.Sessions[0], idle.Grant.Session) {
		t.Fatalf("over: %x, %v", out.Sessions, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.porter) != 1 || len(s.cells["cell/0"]) != 1 {
		t.Errorf("porter has %d sessions, the cell %d; want the one that lives", len(s.porter), len(s.cells["cell/0"]))
	}
}

// The end of very many sessions at once reaches everybody.
func TestManySessionsEndAtOnce(t *testing.T) {
	s := newStage(t, Config{Cells: 1})
	s.addCell("cell/0")
	in := s.signedIn(user.NewID())
	ids := make([][]byte, 0, 5001)
	for range cap(ids) - 1 {
		ids = append(ids, make([]byte, 32))
	}
	s.tellEnded(t.Context(), append(ids, in.Grant.Session))
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.porter) > 0 || len(s.cells["cell/0"]) > 0 {
		t.Errorf("porter has %d sessions, the cell %d", len(s.porter), len(s.cells["cell/0"]))
	}
}

// Operators see by the figures that classes did not fit their roots, and who found
// it.
func TestFaultsAreCounted(t *testing.T) {
	s := newStage(t, Config{Cells: 1})
	b := store.Batch{UID: user.NewID(), Class: "outbox", Root: &store.Root{Counter: 2}}
	_ = s.mirror(t.Context(), b, &ipc.RootWrite{Fault: ipc.FaultRows}) // vault is away; it is counted all the same
	s.rolledBack(t.Context(), b.UID, b.Class, 1, 2)
	reg := prometheus.NewRegistry()
	reg.MustRegister(s.Collectors()...)
	all, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range all {
		for _, m := range f.GetMetric() {
			if f.GetName() == "cofferdam_class_faults_total" {
				got[m.GetLabel()[0].GetValue()+" by "+m.GetLabel()[1].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	if want := map[string]float64{"rows by cell": 1, "rolledBack by keeper": 1}; !maps.Equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}

// A slot that vault cannot open, as after its row was tampered with, locks sealed
// data and not the person: mail works.
func TestSlotThatDoesNotOpenLocks(t *testing.T) {
	s := newStage(t, Config{Cells: 1})
	uid := user.NewID()
	if _, err := s.store.AddLogin(t.Context(), sha256.Sum256(uid[:]), uid); err != nil {
		t.Fatal(err)
	}
	h := seal.NewSlotHeader(passwordSlot, 1, 1)
	slot, err := seal.JoinSlot(h, make([]byte, seal.SlotOuterSize))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.store.PutSlot(t.Context(), store.Slot{UID: uid, Number: h.Number, Kind: uint8(h.Kind()), Generation: 1, Revision: 1, Sealed: slot, Changed: now()}); err != nil {
		t.Fatal(err)
	}
	umk, locked, err := s.unlock(t.Context(), uid, nil)
	if err != nil || !locked || umk.IsZero() {
		t.Errorf("locked %v, %v", locked, err)
	}
}

// A hostile cell cannot fill the disk in a person's name, and its other people can
// still store.
func TestWrittenBytesAreBounded(t *testing.T) {
	s := newStage(t, Config{Cells: 1})
	s.addCell("cell/0")
	one, two := s.signedIn(user.NewID()), s.signedIn(user.NewID())
	put := func(in ipc.SignedIn, n int, size int) ipc.Code {
		_, err := s.put("cell/0")(t.Context(), ipc.RecordPut{Auth: ipc.Auth{Capability: in.Grant.Capability},
			Record: ipc.Record{Class: "mail", ID: []byte{1, byte(n)}, Revision: 1, Generation: 1, Data: make([]byte, size)}})
		return ipc.CodeOf(err)
	}
	stored := 0
	for n := range 40 {
		code := put(one, n, maxRecord)
		if code == ipc.CodeThrottled {
			break
		}
		if code != "" {
			t.Fatalf("record %d: %s", n, code)
		}
		stored += maxRecord
	}
	if stored > writtenPerson<<10 || stored < writtenPerson<<10/2 {
		t.Errorf("%d MiB were stored, want nearly %d", stored>>20, writtenPerson>>10)
	}
	if code := put(two, 0, maxRecord); code != "" {
		t.Errorf("another person in the cell: %s", code)
	}
}
