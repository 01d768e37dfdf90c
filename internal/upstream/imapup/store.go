package imapup

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"cofferdam/internal/imap"
	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
)

// Config says how to reach the server.
type Config struct {
	// Dial returns a connection that is signed in: its first line is a PREAUTH
	// greeting. It is called for each of the at most three connections and after
	// each loss, and again when it fails; unless with net.ErrClosed, which says
	// that there will be no connection any more.
	Dial   func(ctx context.Context) (net.Conn, error)
	Logger *slog.Logger // nil is silent
	Desks  *imap.Desks  // shared by the stores of a process; nil: this one's own

	// NoIdentity, NoPush and NoResync make the store behave as if the server had
	// no ids, no NOTIFY, no CONDSTORE and QRESYNC: for servers whose
	// implementation is known to be broken, and for tests of the poorer tiers.
	NoIdentity, NoPush, NoResync bool

	// PollEvery overrides how often unwatched mailboxes are looked at.
	PollEvery time.Duration

	// WarmFrom overrides from how many mails on a mailbox is made ready for the
	// reading of bodies as soon as it is selected.
	WarmFrom uint32
}

// Store implements upstream.Store and upstream.Boxmaker.
type Store struct {
	cfg    Config
	log    *slog.Logger
	slots  chan struct{} // one token a worker that is not in use
	aside  chan struct{} // one token a call that nobody waits for and that may be at work
	ctx    context.Context
	cancel context.CancelFunc

	mu        sync.Mutex              // guards what follows
	idle      []*session              // the one used last is the last
	crampedAt time.Time               // when a further connection was refused; zero if none was
	awayAt    time.Time               // when the server could not be connected to; zero if it could since
	working   int                     // connections that calls hold
	back      chan struct{}           // closed when a call gives one back, and made anew
	yield     context.CancelCauseFunc // has the watcher give its connection up; nil without one
	renames   uint64                  // how often a mailbox was renamed or deleted here
	made      []string                // mailboxes made here that no list has shown yet
	blind     []string                // mailboxes that the last list knew no marks of
	timer     *time.Timer
	warming   *time.Timer // nil when no connection is to be warmed
	probed    *traits
	probe     sync.Mutex // held while probing
}

var (
	_ upstream.Store    = (*Store)(nil)
	_ upstream.Boxmaker = (*Store)(nil)
)

// New makes a Store. It connects when it is asked something.
func New(cfg Config) *Store {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.PollEvery == 0 {
		cfg.PollEvery = pollEvery
	}
	if cfg.WarmFrom == 0 {
		cfg.WarmFrom = warmFrom
	}
	if cfg.Desks == nil {
		cfg.Desks = &imap.Desks{}
	}
	s := &Store{cfg: cfg, log: cfg.Logger, slots: make(chan struct{}, workers), aside: make(chan struct{}, workers-1), back: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	for range workers {
		s.slots <- struct{}{}
	}
	for range cap(s.aside) {
		s.aside <- struct{}{}
	}
	return s
}

// Close ends all connections.
func (s *Store) Close() error {
	s.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.idle {
		c.client.Close()
	}
	s.idle = nil
	if s.timer != nil {
		s.timer.Stop()
	}
	if s.warming != nil {
		s.warming.Stop()
	}
	return nil
}

// Info says what the server can do.
func (s *Store) Info(ctx context.Context) (upstream.Info, error) {
	t, err := s.traits(ctx)
	if err != nil {
		return upstream.Info{}, err
	}
	return t.info, nil
}

// traits are what was found out about the server once.
type traits struct {
	info     upstream.Info
	caps     imap.Caps
	qresync  bool
	condense bool // CONDSTORE
	idItem   imap.FetchItem
	thItem   imap.FetchItem
	boxItem  imap.StatusItem // in the same STATUS as everything else
	aloneID  bool            // MAILBOXID, in a STATUS of its own
	foreign  []string        // prefixes of other people's and shared mailboxes
}

// traits probes the server on first use. It opens the inbox, which a person looks at
// first, before anything else: to count its mails, and to open it then, takes a
// Dovecot with a Maildir of 100,000 twice as long.
func (s *Store) traits(ctx context.Context) (*traits, error) {
	s.mu.Lock()
	t := s.probed
	s.mu.Unlock()
	if t != nil {
		return t, nil
	}
	s.probe.Lock()
	defer s.probe.Unlock()
	if s.probed != nil {
		return s.probed, nil
	}
	err := s.read(ctx, "probing", "", func(ctx context.Context, c *session) (err error) {
		open := c.selectBox(upstream.Place{Box: "INBOX"}, true)
		t, err = s.findTraits(ctx, c.client)
		if _ = open.wait(ctx); c.client.Err() != nil {
			err = c.client.Err() // that the inbox cannot be opened is not what was asked
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.probed = t
	s.mu.Unlock()
	return t, nil
}

// findTraits asks what CAPABILITY does not say.
func (s *Store) findTraits(ctx context.Context, c *imap.Client) (*traits, error) {
	t := &traits{caps: c.Caps()}
	id := c.ID(nil)
	if !t.caps.Has(imap.CapID) {
		id = nil
	}
	guid := c.Status("INBOX", imap.StatusXGUID)
	// Also of a server that does not announce it: a Dovecot whose capabilities are cut
	// down answers, and else other people's mail would be in this account.
	if err := t.findForeign(ctx, c); err != nil {
		return nil, err
	}
	if id != nil {
		if fields, err := id.Wait(ctx); err == nil {
			t.info.Server = fields["name"]
		}
	}
	st, err := guid.Wait(ctx)
	if err != nil && !refused(err) {
		return nil, err
	}
	hasGUID := err == nil && st.Has(imap.StatusXGUID) && st.GUID != ""
	t.chooseIdentity(hasGUID && !s.cfg.NoIdentity, s.cfg.NoIdentity)
	t.qresync = t.caps.Has(imap.CapQResync) && !s.cfg.NoResync
	t.condense = (t.qresync || t.caps.Has(imap.CapCondStore)) && !s.cfg.NoResync
	t.info.Quota = t.caps.Has(imap.CapQuota)
	t.info.Resync = "plain"
	if t.condense {
		t.info.Resync = "condstore"
	}
	if t.qresync {
		t.info.Resync = "qresync"
	}
	t.info.Push = t.caps.Has(imap.CapNotify) && !s.cfg.NoPush
	t.info.MaxSize, _ = t.caps.AppendLimit()
	if t.caps.Has(imap.CapCreateSpecial) {
		t.info.Roles = slices.Sorted(maps.Keys(specialUses()))
	}
	if t.caps.Has(imap.CapSort) {
		t.info.Sorts = slices.DeleteFunc([]jmap.SortProperty{jmap.SortFrom, jmap.SortTo, jmap.SortSubject, jmap.SortSentAt},
			func(p jmap.SortProperty) bool { _, ok := t.sortKey(p); return !ok })
	}
	return t, nil
}

// findForeign learns where other people's mailboxes are. They are not part of
// this account: the same mail can be in two accounts under one EMAILID, and must
// not be one Email (RFC 8621, section 1.6.1 gives each its own account).
func (t *traits) findForeign(ctx context.Context, c *imap.Client) error {
	ns, err := c.Namespace().Wait(ctx)
	if err != nil {
		if refused(err) {
			return nil
		}
		return err
	}
	for _, n := range append(ns.Other, ns.Shared...) {
		if n.Prefix != "" {
			t.foreign = append(t.foreign, n.Prefix)
		}
	}
	if len(ns.Personal) > 0 {
		t.info.Prefix = ns.Personal[0].Prefix
	}
	return nil
}

// chooseIdentity picks the tier of ids.
func (t *traits) chooseIdentity(guid, none bool) {
	switch {
	case none:
	case t.caps.Has(imap.CapObjectID):
		t.info.Identity, t.info.ServerThreads = upstream.IdentityObject, true
		// Cyrus 3.6.1 answers freed memory for MAILBOXID that is asked together
		// with other items; asked alone it is right.
		t.idItem, t.thItem, t.aloneID = imap.ItemEmailID, imap.ItemThreadID, true
	case guid:
		t.info.Identity = upstream.IdentityGUID
		t.idItem, t.boxItem = imap.ItemXGUID, imap.StatusXGUID
	case t.caps.Has(imap.CapGmail):
		t.info.Identity, t.info.ServerThreads = upstream.IdentityGmail, true
		t.idItem, t.thItem = imap.ItemGmailMsgID, imap.ItemGmailThreadID
	}
}

// refused reports whether a server said NO or BAD, with the connection alive.
func refused(err error) bool {
	var st *imap.StatusError
	return errors.As(err, &st) && st.Kind != imap.StatusBYE
}
