package cell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"cofferdam/internal/account"
	"cofferdam/internal/ipc"
	"cofferdam/internal/jmap"
	"cofferdam/internal/outbox"
	"cofferdam/internal/seal"
	"cofferdam/internal/settings"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/imapup"
	"cofferdam/internal/user"
)

// openAccount makes a person's account out of what keeper handed over. It runs
// until ctx ends; the returned function then waits for its end and wipes the
// keys.
func (c *Cell) openAccount(ctx context.Context, p *person, req ipc.PersonRequest) (*account.Account, func(), error) {
	keys, err := parseKeys(p.uid, req.Keys)
	if err != nil {
		wipe(keys)
		return nil, nil, err
	}
	store := imapup.New(imapup.Config{
		Dial:   func(ctx context.Context) (net.Conn, error) { return c.dialIMAP(ctx, p) },
		Logger: c.log,
		Desks:  &c.desks,
	})
	if p.index, err = c.newIndex(p, keys[seal.ClassMail]); err != nil {
		store.Close()
		wipe(keys)
		return nil, nil, err
	}
	fail := func(err error) (*account.Account, func(), error) {
		store.Close()
		p.index.end()
		wipe(keys)
		return nil, nil, err
	}
	kept := make(chan []byte, 1)
	go func() { kept <- p.index.load(ctx) }() // while the mail server is greeted
	probed := make(chan error, 1)
	var info upstream.Info
	go func() { // and it is greeted while keeper is asked
		var err error
		info, err = store.Info(ctx)
		probed <- err
	}()
	p.outbox, p.settings = c.class(p, keys[seal.ClassOutbox]), c.class(p, keys[seal.ClassSettings])
	var set *settings.Settings
	opened := make(chan error, 1)
	go func() { // keeper is asked for both classes at once
		var err error
		set, err = settings.Open(ctx, settings.Config{Addresses: req.Addresses, Records: settingsRecords{p.settings},
			Snippet: c.snippet, Log: c.log})
		opened <- err
	}()
	says := c.cfg.Submission[req.Platform]
	out, err := outbox.Open(ctx, outbox.Config{
		Sender:  sender{c, p},
		Records: outboxRecords{p.outbox},
		Stash:   stash{uploads{c, p}},
		Learn:   sender{c, p}.learn,
		Offered: says.over(ipc.SubmitOffer{}),
		Offer:   func(ctx context.Context) (outbox.Offer, error) { return sender{c, p}.offer(ctx, says) },
		Identities: func() []jmap.Identity {
			list, _ := set.Identities()
			return list
		},
		Parameters: says.Parameters,
		Hold:       c.hold(),
		Log:        c.log,
	})
	if err = errors.Join(err, <-opened, <-probed); err != nil {
		return fail(err)
	}
	a, err := account.New(ctx, account.Config{
		ID: accountID(p.uid, info.Identity), Addresses: req.Addresses, Settings: set, Store: store, Key: keys[seal.ClassMail].Reveal(),
		Uploads: uploads{c, p}, Outbox: out, Filters: filters{c, p}, Renderer: findings{c, p}, Faults: p, Logger: c.log,
		HeaderBytes: int(c.cfg.HeaderMemory), AsSaid: c.cfg.AsSaid,
		HeadStart: headStart,
		Snapshot:  func(context.Context) []byte { return <-kept },
		UndoSend:  time.Duration(c.cfg.UndoSend) * time.Second,
	})
	if err != nil {
		return fail(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := a.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			c.log.Error("account ended", "uid", p.uid.String(), "err", err)
		}
	})
	wg.Go(func() { p.index.follow(ctx, a) })
	return a, func() {
		wg.Wait()
		a.Close()
		p.index.end()
		wipe(keys)
	}, nil
}

// hold is outbox.Config.Hold.
func (c *Cell) hold() time.Duration {
	if c.cfg.UndoSendMost == 0 {
		return -1
	}
	return time.Duration(c.cfg.UndoSendMost) * time.Second
}

func wipe(keys map[seal.Class]seal.ClassKey) {
	for _, k := range keys {
		k.Wipe()
	}
}

// accountID is the JMAP account's id. Its last letter says what the ids in it are
// made of: where the mail server can name mails in another way than before, they are
// others, and so is the account (RFC 8620 section 1.6.2).
func accountID(uid user.ID, by upstream.Identity) jmap.AccountID {
	return jmap.AccountID("u" + uid.Hex() + "abcd"[by:by+1])
}

// parseKeys reads the class keys; also those that it returns with an error are the
// caller's to wipe.
func parseKeys(uid user.ID, list []ipc.ClassKey) (map[seal.Class]seal.ClassKey, error) {
	out := map[seal.Class]seal.ClassKey{}
	for _, k := range list {
		key, err := seal.ParseClassKey(uid, seal.Class(k.Class), k.Generation, k.Key)
		clear(k.Key)
		if err != nil {
			return out, err
		}
		out[key.Class()] = key
	}
	for _, class := range []seal.Class{seal.ClassMail, seal.ClassOutbox, seal.ClassSettings} {
		if out[class].IsZero() {
			return out, fmt.Errorf("keeper sent no key for class %s", class)
		}
	}
	return out, nil
}

// sender is the outbox's way to porter.
type sender struct {
	c *Cell
	p *person
}

// Submit implements outbox.Sender.
func (s sender) Submit(ctx context.Context, attempt string, e *jmap.Envelope, body io.Reader, size int64) (outbox.Result, error) {
	env := ipc.SubmitEnvelope{Attempt: attempt, From: e.MailFrom.Email, FromParams: params(e.MailFrom.Parameters), Size: size}
	for _, to := range e.RcptTo {
		env.To = append(env.To, ipc.SubmitRcpt{Address: to.Email, Params: params(to.Parameters)})
	}
	return submitted(s.c.submit(ctx, s.p, env, body))
}

// submitted puts porter's answer into the outbox's words.
func submitted(done ipc.Submitted, err error) (outbox.Result, error) {
	switch ipc.CodeOf(err) {
	case "":
		out := outbox.Result{Reply: done.Reply, Taken: replies(done.Taken), Rejected: replies(done.Rejected)}
		if len(out.Taken) == 0 {
			return outbox.Result{}, &outbox.Refusal{Kind: outbox.ByServer, Reply: done.Reply, Rejected: out.Rejected}
		}
		return out, nil
	case ipc.CodeUncertain:
		return outbox.Result{}, outbox.ErrUncertain
	case ipc.CodeRefused:
		return outbox.Result{}, &outbox.Refusal{Kind: outbox.ByServer, Reply: detail(err)}
	case ipc.CodeForbidden, ipc.CodeInvalid:
		return outbox.Result{}, &outbox.Refusal{Kind: outbox.BySender, Reply: detail(err)}
	case ipc.CodeThrottled:
		return outbox.Result{}, &outbox.Refusal{Kind: outbox.ByRate, Reply: detail(err)}
	default:
		return outbox.Result{}, outbox.ErrAway
	}
}

// learn is outbox.Config.Learn.
func (s sender) learn(ctx context.Context, attempts []string) (map[string]outbox.Learned, error) {
	out := map[string]outbox.Learned{}
	for some := range slices.Chunk(attempts, ipc.MaxOutcomes) {
		known, err := askFilters[ipc.OutcomeList](ctx, filters(s), ipc.PorterSubmitOutcome, func(a ipc.Auth) ipc.OutcomeAsk { return ipc.OutcomeAsk{Auth: a, Attempts: some} })
		if err != nil {
			return nil, err
		}
		for _, o := range known.Outcomes {
			l := outbox.Learned{Pending: o.Pending}
			switch {
			case o.Pending:
			case o.Submitted != nil:
				l.Result, l.Err = submitted(*o.Submitted, nil)
			default:
				l.Result, l.Err = submitted(ipc.Submitted{}, &ipc.Error{Code: o.Code, Detail: o.Detail})
			}
			out[o.Attempt] = l
		}
	}
	return out, nil
}

// offer asks what the submission server can. What the operator says that clients are
// told of stands above that, also while the server is away.
func (s sender) offer(ctx context.Context, says Submission) (outbox.Offer, error) {
	o, err := askFilters[ipc.SubmitOffer](ctx, filters(s), ipc.PorterSubmitOffer, func(a ipc.Auth) ipc.SieveAsk { return ipc.SieveAsk{Auth: a} })
	if len(says.Extensions) > 0 {
		return says.over(o), nil
	}
	return outbox.Offer{MaxSize: o.MaxSize, MaxHold: time.Duration(o.MaxHold) * time.Second, Extensions: o.Extensions}, err
}

// over is an offer with the operator's list in place of the server's: a server may
// offer more to those who have signed in, or less than it says.
func (s Submission) over(o ipc.SubmitOffer) outbox.Offer {
	out := outbox.Offer{MaxSize: o.MaxSize, Extensions: s.Extensions}
	if hold := s.Extensions["FUTURERELEASE"]; len(hold) > 0 {
		seconds, _ := strconv.ParseUint(hold[0], 10, 31) // none: it holds nothing
		out.MaxHold = time.Duration(seconds) * time.Second
	}
	return out
}

func replies(list []ipc.RcptReply) map[string]string {
	out := map[string]string{}
	for _, r := range list {
		out[r.Address] = r.Reply
	}
	return out
}

func detail(err error) string {
	var e *ipc.Error
	if errors.As(err, &e) {
		return e.Detail
	}
	return "internal error"
}

func params(in map[string]*string) ipc.Params {
	if len(in) == 0 {
		return nil
	}
	out := ipc.Params{}
	for k, v := range in {
		if v != nil {
			out[k] = *v
		} else {
			out[k] = ""
		}
	}
	return out
}
