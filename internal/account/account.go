package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmapserver"
	"cofferdam/internal/outbox"
	"cofferdam/internal/replica"
	"cofferdam/internal/settings"
	"cofferdam/internal/upstream"
)

// Config says what an Account is made of.
type Config struct {
	// ID is the account's id; it carries the generation of the ids in it.
	ID jmap.AccountID
	// Addresses are what the person may send as; the first is the main one and
	// the account's name.
	Addresses []string
	// Settings are what the person set of the identities of these addresses, and
	// of mailboxes. Nil: there is none, and none can be kept.
	Settings *settings.Settings

	Store   upstream.Store
	Key     []byte // of class mail, 32 bytes
	Uploads Uploads
	// Outbox takes what is sent; nil: this account may not send.
	Outbox   *outbox.Outbox
	Filters  Filters  // nil: this account has no Sieve
	Renderer Renderer // nil: MessageView is empty
	Faults   Faults   // nil: none are ever told
	// UndoSend is for how long those can take a sent mail back who have not chosen.
	UndoSend time.Duration
	// AsSaid: the charset of a text is the one that its part names, or US-ASCII, and
	// is never guessed (RFC 8621, section 9.1).
	AsSaid bool
	// HeaderBytes bounds the memory for parsed headers; 0: none are remembered.
	HeaderBytes int

	Snapshot  func(context.Context) []byte // see replica.Config
	HeadStart time.Duration                // see replica.Config
	Logger    *slog.Logger
}

// Account is an unlocked account. It implements jmapserver.Account and the
// optional interfaces named below.
type Account struct {
	cfg      Config
	mail     *replica.Replica
	info     atomic.Pointer[jmap.AccountInfo] // replaced as a whole
	headers  *headerCache
	wholes   *wholes
	sizes    *sizes
	natures  natures
	blobs    blobNamer
	parsing  chan struct{} // holds a token while a message from a blob is in memory
	receipts chan struct{} // holds a token while a receipt is sent
	quota    *quotas       // nil: the platform tells none
	log      *slog.Logger

	filtering    chan struct{} // holds a token while scripts are read or changed
	filterStates *filterStates

	searches *searches // that go on between requests
}

var (
	_ jmapserver.Account           = (*Account)(nil)
	_ jmapserver.EmailQueryChanger = (*Account)(nil)
	_ jmapserver.MailboxSetter     = (*Account)(nil)
	_ jmapserver.IdentityReader    = (*Account)(nil)
	_ jmapserver.IdentitySetter    = (*Account)(nil)
	_ jmapserver.Submitter         = (*Account)(nil)
	_ jmapserver.MDNSender         = (*Account)(nil)
	_ jmapserver.EmailImporter     = (*Account)(nil)
	_ jmapserver.EmailParser       = (*Account)(nil)
	_ jmapserver.BlobReferrer      = (*Account)(nil)
	_ jmapserver.Viewer            = (*Account)(nil)
	_ jmapserver.FaultAcknowledger = (*Account)(nil)
	_ jmapserver.UndoSender        = (*Account)(nil)
	_ jmapserver.QuotaReader       = (*Account)(nil)
	_ jmapserver.Searcher          = (*Account)(nil)
	_ jmapserver.SnippetReader     = (*Account)(nil)
	_ jmapserver.SieveScripter     = (*Account)(nil)
	_ jmapserver.Vacationer        = (*Account)(nil)
)

// New connects to the mail platform and opens the index. Run must run for it to
// be filled and kept in step.
func New(ctx context.Context, cfg Config) (*Account, error) {
	switch {
	case !jmap.ValidID(string(cfg.ID)):
		return nil, errors.New("account: no valid account id")
	case len(cfg.Addresses) == 0:
		return nil, errors.New("account: no address")
	case cfg.Store == nil || cfg.Uploads == nil:
		return nil, errors.New("account: store and uploads are needed")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Settings == nil {
		var err error
		if cfg.Settings, err = settings.Open(ctx, settings.Config{Addresses: cfg.Addresses}); err != nil {
			return nil, err
		}
	}
	a := &Account{cfg: cfg, headers: newHeaderCache(cfg.HeaderBytes), wholes: newWholes(), sizes: newSizes(), blobs: blobNamer{key: cfg.Key}, parsing: make(chan struct{}, 1), receipts: make(chan struct{}, 1), log: cfg.Logger,
		filtering: make(chan struct{}, 1), filterStates: newFilterStates()}
	a.info.Store(a.describe())
	defer a.meanwhile(ctx)()
	mail, err := replica.Open(ctx, replica.Config{Store: cfg.Store, Key: cfg.Key, Snapshot: cfg.Snapshot, HeadStart: cfg.HeadStart, Logger: cfg.Logger})
	if err != nil {
		return nil, fmt.Errorf("opening the index: %w", err)
	}
	// A snapshot does not know them. That all of them count as changed once is the
	// price of missing none.
	mail.SetOrders(cfg.Settings.Orders())
	a.mail = mail
	if q, ok := cfg.Store.(upstream.Quotaer); ok && mail.Info().Quota {
		a.quota = newQuotas(q.Quotas, cfg.Logger)
	}
	a.searches = newSearches(a)
	return a, nil
}

// Run keeps the account in step and its outbox moving until ctx ends; then it
// returns after all that it started has ended.
func (a *Account) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	if a.cfg.Outbox != nil {
		wg.Go(func() { _ = a.cfg.Outbox.Run(ctx, outboxMails{a}) }) // it ends with ctx alone
		wg.Go(func() { a.askSubmission(ctx) })
		wg.Go(func() { (&reportReader{a: a, seen: map[jmap.EmailID]bool{}}).run(ctx) })
	}
	if a.cfg.Filters != nil && a.info.Load().Sieve == nil {
		wg.Go(func() { a.keepAsking(ctx) })
	}
	if a.quota != nil {
		wg.Go(func() { a.quota.follow(ctx, a.mail.Moved) })
	}
	err := a.mail.Run(ctx)
	cancel()
	wg.Wait()
	return err
}

// meanwhile asks what the platform's Sieve can, beside what else there is to do;
// the result waits for the answer, offerTime at most.
func (a *Account) meanwhile(ctx context.Context) (wait func()) {
	if a.cfg.Filters == nil {
		return func() {}
	}
	ctx, cancel := context.WithTimeout(ctx, offerTime)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = a.learnOffer(ctx) // Run goes on asking
	}()
	return func() {
		<-done
		cancel()
	}
}

// Close ends the connections to the mail platform. Call it after Run has
// returned. It is safe to call it twice.
func (a *Account) Close() error {
	a.searches.close()
	return a.cfg.Store.Close()
}

// Snapshot is the index as bytes, to be sealed and given to a later Account. It
// is nil while the index is not complete: there is nothing worth keeping.
func (a *Account) Snapshot() []byte { return a.mail.Snapshot() }

// Generation grows with each change of the index, and so of its Snapshot.
func (a *Account) Generation() uint64 { return a.mail.Generation() }

// Loaded is the Generation that the Snapshot stands for which the account took over;
// 0: none.
func (a *Account) Loaded() uint64 { return a.mail.Loaded() }

// Sending reports whether mail is on its way or held to be sent later.
func (a *Account) Sending() bool { return a.cfg.Outbox != nil && a.cfg.Outbox.Sending() }

// Ready waits until the index is complete; tests and health checks do.
func (a *Account) Ready(ctx context.Context) error { return a.mail.AwaitComplete(ctx) }

// Info describes the account to the Session.
func (a *Account) Info() jmap.AccountInfo {
	info := *a.info.Load()
	if a.cfg.Outbox != nil {
		info.Submission, info.UndoSend = a.submissionCapability(), a.undoSend()
	}
	info.HasQuota = a.quota != nil
	if a.cfg.Faults != nil {
		info.Faults = a.cfg.Faults.Faults()
	}
	return info
}

func (a *Account) describe() *jmap.AccountInfo {
	info := &jmap.AccountInfo{
		ID: a.cfg.ID, Name: a.cfg.Addresses[0], IsPersonal: true,
		Mail: jmap.MailCapability{
			MaxMailboxesPerEmail:       replica.MaxCopies,
			MaxMailboxDepth:            MaxMailboxDepth,
			MaxSizeMailboxName:         MaxMailboxName,
			MaxSizeAttachmentsPerEmail: MaxAttachments,
			EmailQuerySortOptions:      replica.Sorts(),
			MayCreateTopLevelMailbox:   true,
		},
	}
	if a.cfg.Outbox != nil {
		info.Submission = a.submissionCapability()
	}
	return info
}

// State is the current state of a type.
func (a *Account) State(ctx context.Context, t jmap.Type) (jmap.State, error) {
	s, ok := a.states()[t]
	if !ok {
		return "", fmt.Errorf("no type %s in a mail account", t)
	}
	return s, nil
}

func (a *Account) states() jmap.TypeStates {
	s := a.mail.States()
	s[jmap.TypeIdentity] = a.cfg.Settings.IdentityState()
	if a.quota != nil {
		s[jmap.TypeQuota] = a.quota.state()
	}
	if a.cfg.Outbox != nil {
		s[jmap.TypeEmailSubmission] = a.cfg.Outbox.State()
	}
	a.appendFilterStates(s)
	return s
}

// Changes is what happened to a type since a state.
func (a *Account) Changes(ctx context.Context, t jmap.Type, since jmap.State, limit int) (jmap.Changes, error) {
	switch t {
	case jmap.TypeEmail, jmap.TypeThread, jmap.TypeMailbox:
		return a.mail.Changes(t, since, limit)
	case jmap.TypeEmailSubmission:
		if a.cfg.Outbox != nil {
			return a.cfg.Outbox.Changes(since, limit)
		}
	case jmap.TypeQuota:
		if a.quota != nil {
			return a.quota.changes(ctx, since, limit)
		}
	case jmap.TypeIdentity:
		return a.cfg.Settings.IdentityChanges(since, limit)
	}
	return jmap.Changes{}, jmap.CannotCalculateChanges
}

// WaitChange blocks until a state in have is another one.
func (a *Account) WaitChange(ctx context.Context, have jmap.TypeStates) (jmap.TypeStates, error) {
	for {
		moved, set := a.mail.Moved(), a.cfg.Settings.Moved()
		var sent, used <-chan struct{}
		if a.quota != nil {
			used = a.quota.wait()
		}
		if a.cfg.Outbox != nil {
			sent = a.cfg.Outbox.Moved()
		}
		filtered := a.filterStates.Moved()
		now := a.states()
		if len(have) == 0 {
			return now, nil
		}
		for t, s := range have {
			if n, ok := now[t]; ok && n != s {
				return now, nil
			}
		}
		select {
		case <-moved:
		case <-set:
		case <-used:
		case <-sent:
		case <-filtered:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// failure turns an error of the floors below into one that jmapserver decides
// by: temporary ones are serverUnavailable.
func failure(err error) error {
	if err == nil {
		return nil
	}
	if upstream.Temporary(err) || errors.Is(err, upstream.ErrClosed) || errors.Is(err, upstream.ErrStale) {
		return fmt.Errorf("%w: %w", jmap.ServerUnavailable, err)
	}
	return err
}
