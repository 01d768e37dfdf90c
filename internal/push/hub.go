package push

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/limit"
	"cofferdam/internal/seal"
)

// Account is what states come from.
type Account interface {
	Info() jmap.AccountInfo
	// WaitChange blocks until something differs from have; with have empty it
	// returns at once.
	WaitChange(ctx context.Context, have jmap.TypeStates) (jmap.TypeStates, error)
}

// Message is one to be posted. Send does not keep it.
type Message struct {
	URL       string
	Body      []byte
	Encrypted bool // of content coding aes128gcm
	TTL       time.Duration
	Urgency   string // RFC 8030, section 5.3
}

// Answer is a push service's.
type Answer struct {
	Status     int           // HTTP
	RetryAfter time.Duration // 0: it did not say
}

// Later is the error of a message that was not sent, and may be after a time.
type Later struct{ After time.Duration }

func (l *Later) Error() string { return "not before " + l.After.String() }

// Config is what a Hub needs.
type Config struct {
	// Accounts are the person's, asked when there is somebody to tell.
	Accounts func() []Account
	// Send posts a message for a session. An error that is no *Later says that it
	// may or may not have been sent.
	Send func(ctx context.Context, session string, m Message) (Answer, error)
	Log  *slog.Logger
}

// Hub has the subscriptions of one person.
type Hub struct {
	cfg     Config
	ctx     context.Context
	cancel  context.CancelFunc
	created *limit.Quota
	wg      sync.WaitGroup

	mu       sync.Mutex // guards the rest, and subscriptions
	subs     []*subscription
	states   map[jmap.AccountID]jmap.TypeStates
	watching context.CancelFunc // nil: nobody is told
	closed   bool
}

// New makes a hub without subscriptions.
func New(cfg Config) *Hub {
	h := &Hub{cfg: cfg, created: limit.NewQuota()}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h
}

// Session is one session's part of a hub.
type Session struct {
	hub  *Hub
	name string
	may  bool
}

// Session returns the subscriptions of a session. may says that it can make some.
func (h *Hub) Session(name string, may bool) *Session { return &Session{h, name, may} }

// End destroys the subscriptions of a session that is over.
func (h *Hub) End(session string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range slices.Clone(h.subs) {
		if s.session == session {
			h.drop(s)
		}
	}
}

// Any says whether there is a subscription: the person is not to be forgotten.
func (h *Hub) Any() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.subs) > 0
}

// Close destroys all and waits until nothing is under way. It may be called twice.
func (h *Hub) Close() {
	h.mu.Lock()
	h.closed = true
	for _, s := range slices.Clone(h.subs) {
		h.drop(s)
	}
	h.mu.Unlock()
	h.cancel()
	h.wg.Wait()
}

// drop destroys a subscription. It needs mu.
func (h *Hub) drop(s *subscription) {
	i := slices.Index(h.subs, s)
	if i < 0 {
		return
	}
	h.subs = slices.Delete(h.subs, i, i+1)
	s.end()
	h.watch()
}

// PushGet returns the session's subscriptions.
func (x *Session) PushGet() []jmap.PushSubscription {
	h := x.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []jmap.PushSubscription
	for _, s := range h.subs {
		if s.session == x.name {
			out = append(out, s.shown())
		}
	}
	return out
}

// PushCreate makes a subscription and pushes the verification.
func (x *Session) PushCreate(c *jmap.PushSubscriptionCreate) (*jmap.PushSubscription, *jmap.SetError) {
	if !x.may {
		return nil, &jmap.SetError{Type: jmap.SetForbidden, Description: "not with HTTP Basic: sign in for a session, or make a token"}
	}
	s, bad := newSubscription(x.name, c)
	if bad != nil {
		return nil, bad
	}
	h := x.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if bad := h.room(); bad != nil {
		s.wipe()
		return nil, bad
	}
	h.subs = append(h.subs, s)
	ctx, cancel := context.WithCancel(h.ctx)
	s.cancel = cancel
	s.over = time.AfterFunc(time.Until(s.deadline()), func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.drop(s)
	})
	h.wg.Go(func() { h.run(ctx, s) })
	shown := s.shown()
	return &shown, nil
}

// room says why there is none for another subscription. It needs mu.
func (h *Hub) room() *jmap.SetError {
	if h.closed {
		return &jmap.SetError{Type: jmap.SetForbidden, Description: "the session is over"}
	}
	if len(h.subs) >= MaxSubscriptions {
		return &jmap.SetError{Type: jmap.SetOverQuota, Description: "too many push subscriptions: destroy one first"}
	}
	if _, ok := h.created.Take(1, map[string]int{"": MaxCreated}); !ok {
		return &jmap.SetError{Type: jmap.SetRateLimit, Description: "too many push subscriptions were made within the hour"}
	}
	return nil
}

// PushUpdate changes a subscription of the session, wholly or not at all.
func (x *Session) PushUpdate(id jmap.PushSubscriptionID, u *jmap.PushSubscriptionUpdate) *jmap.SetError {
	h := x.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	s := x.find(id)
	if s == nil {
		return &jmap.SetError{Type: jmap.SetNotFound}
	}
	if bad := s.check(u); bad != nil {
		return bad
	}
	if u.Types != nil {
		s.types = *u.Types
	}
	if u.Expires != nil {
		s.expires = *u.Expires
	}
	if u.VerificationCode != nil && !s.verified {
		s.verified = true
		s.told = maps.Clone(h.states) // nil: what is there when the first states come
		close(s.returned)
		h.watch()
	}
	s.over.Reset(time.Until(s.deadline()))
	return nil
}

// PushDestroy destroys a subscription of the session. It is false when there is none.
func (x *Session) PushDestroy(id jmap.PushSubscriptionID) bool {
	x.hub.mu.Lock()
	defer x.hub.mu.Unlock()
	s := x.find(id)
	if s != nil {
		x.hub.drop(s)
	}
	return s != nil
}

// find needs the hub's mu.
func (x *Session) find(id jmap.PushSubscriptionID) *subscription {
	for _, s := range x.hub.subs {
		if s.session == x.name && s.id == id {
			return s
		}
	}
	return nil
}

// subscription is one. The hub's mu guards what changes.
type subscription struct {
	id      jmap.PushSubscriptionID
	session string
	device  string
	url     seal.Secret
	keys    *seal.PushKeys // nil: in clear
	code    string
	made    time.Time

	verified bool
	returned chan struct{} // closed when it is verified
	expires  time.Time
	types    []jmap.Type
	told     map[jmap.AccountID]jmap.TypeStates
	wake     chan struct{} // something changed
	cancel   context.CancelFunc
	over     *time.Timer // its end
}

// newSubscription checks what a client wants.
func newSubscription(session string, c *jmap.PushSubscriptionCreate) (*subscription, *jmap.SetError) {
	s := &subscription{id: jmap.PushSubscriptionID("P" + randomText()), session: session, device: c.DeviceClientID, code: randomText(), made: time.Now(),
		returned: make(chan struct{}), expires: c.Expires, types: c.Types, wake: make(chan struct{}, 1)}
	var wrong []string
	if c.DeviceClientID == "" || len(c.DeviceClientID) > maxDevice {
		wrong = append(wrong, "deviceClientId")
	}
	if !validURL(c.URL) {
		wrong = append(wrong, "url")
	}
	if c.Keys != nil {
		keys, err := seal.ParsePushKeys(c.Keys.P256DH, c.Keys.Auth)
		if err != nil {
			wrong = append(wrong, "keys")
		}
		s.keys = &keys
	}
	if !validExpiry(c.Expires) {
		wrong = append(wrong, "expires")
	}
	if !validTypes(c.Types) {
		wrong = append(wrong, "types")
	}
	s.url = seal.NewSecret([]byte(c.URL))
	if wrong != nil {
		s.wipe()
		return nil, &jmap.SetError{Type: jmap.SetInvalidProperties, Properties: wrong}
	}
	return s, nil
}

func randomText() string {
	b := make([]byte, codeBytes)
	rand.Read(b) // never fails (crypto/rand)
	return seal.EncodeBase64(b)
}

// validURL is what RFC 8620, section 7.2 asks of a URL; what it may lead to is
// courier's to say.
func validURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && len(text) <= maxURL && strings.HasPrefix(text, "https://") && u.Hostname() != "" && u.User == nil && u.Fragment == ""
}

func validExpiry(at time.Time) bool { return at.IsZero() || at.After(time.Now()) }

func validTypes(types []jmap.Type) bool {
	return len(types) <= maxTypes && !slices.ContainsFunc(types, func(t jmap.Type) bool { return t == "" || len(t) > maxType })
}

// check says what is wrong with a change.
func (s *subscription) check(u *jmap.PushSubscriptionUpdate) *jmap.SetError {
	var wrong []string
	if u.VerificationCode != nil && subtle.ConstantTimeCompare([]byte(*u.VerificationCode), []byte(s.code)) != 1 {
		wrong = append(wrong, "verificationCode")
	}
	if u.Expires != nil && !validExpiry(*u.Expires) {
		wrong = append(wrong, "expires")
	}
	if u.Types != nil && !validTypes(*u.Types) {
		wrong = append(wrong, "types")
	}
	if wrong != nil {
		return &jmap.SetError{Type: jmap.SetInvalidProperties, Properties: wrong}
	}
	return nil
}

// deadline is when it ends by itself. What lives as long as its session has none of
// its own: a session is far shorter than this.
func (s *subscription) deadline() time.Time {
	at := s.made.Add(100 * 365 * 24 * time.Hour)
	if !s.verified {
		at = s.made.Add(verifyTime)
	}
	if !s.expires.IsZero() && s.expires.Before(at) {
		at = s.expires
	}
	return at
}

func (s *subscription) shown() jmap.PushSubscription {
	out := jmap.PushSubscription{ID: s.id, DeviceClientID: s.device, Expires: s.expires, Types: s.types}
	if s.verified {
		out.VerificationCode = s.code
	}
	return out
}

// end stops its goroutine and wipes what it leads to.
func (s *subscription) end() {
	s.over.Stop()
	s.cancel()
	s.wipe()
}

func (s *subscription) wipe() {
	s.url.Wipe()
	if s.keys != nil {
		s.keys.Wipe()
	}
}

var errGone = errors.New("the subscription is gone")
