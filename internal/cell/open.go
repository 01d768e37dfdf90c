package cell

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"cofferdam/internal/account"
	"cofferdam/internal/ipc"
	"cofferdam/internal/jmap"
	"cofferdam/internal/outbox"
	"cofferdam/internal/records"
	"cofferdam/internal/seal"
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
	})
	p.outbox = c.outboxRecords(p, keys[seal.ClassOutbox])
	var a *account.Account
	out, err := outbox.Open(ctx, outbox.Config{
		Sender:  sender{c, p},
		Records: p.outbox,
		Identities: func() []jmap.Identity {
			list, _, _, _ := a.IdentityGet(ctx, nil) // all of them; it asks nobody
			return list
		},
		Log: c.log,
	})
	if err != nil {
		store.Close()
		wipe(keys)
		return nil, nil, err
	}
	a, err = account.New(ctx, account.Config{
		ID: accountID(p.uid), Addresses: req.Addresses, Store: store, Key: keys[seal.ClassMail].Reveal(),
		Uploads: uploads{c, p}, Outbox: out, Renderer: findings{c, p}, Logger: c.log,
		HeaderBytes: int(c.cfg.HeaderMemory),
	})
	if err != nil {
		store.Close()
		wipe(keys)
		return nil, nil, err
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := a.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			c.log.Error("account ended", "uid", p.uid.String(), "err", err)
		}
	})
	return a, func() {
		wg.Wait()
		a.Close()
		wipe(keys)
	}, nil
}

func wipe(keys map[seal.Class]seal.ClassKey) {
	for _, k := range keys {
		k.Wipe()
	}
}

// accountID is the JMAP account's id. Its last letter is the generation of the
// ids in it (RFC 8620 section 1.6.2).
func accountID(uid user.ID) jmap.AccountID { return jmap.AccountID("u" + uid.Hex() + "a") }

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
	if out[seal.ClassMail].IsZero() || out[seal.ClassOutbox].IsZero() {
		return out, errors.New("keeper sent no key for mail or outbox")
	}
	return out, nil
}

// sender is the outbox's way to porter.
type sender struct {
	c *Cell
	p *person
}

// Submit implements outbox.Sender.
func (s sender) Submit(ctx context.Context, e *jmap.Envelope, body io.Reader, size int64) (outbox.Result, error) {
	env := ipc.SubmitEnvelope{From: e.MailFrom.Email, FromParams: params(e.MailFrom.Parameters), Size: size}
	for _, to := range e.RcptTo {
		env.To = append(env.To, ipc.SubmitRcpt{Address: to.Email, Params: params(to.Parameters)})
	}
	done, err := s.c.submit(ctx, s.p, env, body)
	switch ipc.CodeOf(err) {
	case "":
		out := outbox.Result{Reply: done.Reply, Rejected: map[string]string{}}
		for _, r := range done.Rejected {
			out.Rejected[r.Address] = r.Reply
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

// outboxRecords keeps the outbox's records with keeper, as a sealed class under
// the person's outbox key. A locked session has none: its keys are not the
// person's, and outbox keeps what it has in memory.
type outboxRecords struct {
	c     *Cell
	p     *person
	key   seal.ClassKey
	class *records.Class // set by All, before the first Put
}

func (c *Cell) outboxRecords(p *person, key seal.ClassKey) *outboxRecords {
	return &outboxRecords{c: c, p: p, key: key}
}

// Put implements outbox.Records.
func (o *outboxRecords) Put(ctx context.Context, id string, revision int64, data []byte) error {
	if o.class == nil {
		return outbox.ErrLocked
	}
	return recordError(o.class.Put(ctx, id, revision, data))
}

// Delete implements outbox.Records.
func (o *outboxRecords) Delete(ctx context.Context, id string, revision int64) error {
	if o.class == nil {
		return outbox.ErrLocked
	}
	return recordError(o.class.Delete(ctx, id, revision))
}

// All implements outbox.Records; outbox calls it once, first of all. A session
// that has just begun may be ahead of a keeper that is restarting: it is asked
// for a while.
func (o *outboxRecords) All(ctx context.Context) ([]outbox.Stored, error) {
	if o.p.locked {
		return nil, outbox.ErrLocked
	}
	for tries := 0; ; tries++ {
		class, list, err := records.Open(ctx, records.Config{Key: o.key, Keeper: recordLine{o.c, o.p}, Log: o.c.log})
		if err == nil {
			o.class = class
			return storedRecords(list), nil
		}
		if ipc.CodeOf(err) != ipc.CodeUnavailable || tries == recordTries {
			return nil, recordError(err)
		}
		select {
		case <-time.After(recordPause):
		case <-ctx.Done():
			return nil, recordError(err)
		}
	}
}

func storedRecords(list []records.Record) []outbox.Stored {
	out := make([]outbox.Stored, 0, len(list))
	for _, r := range list {
		out = append(out, outbox.Stored{ID: r.ID, Revision: r.Revision, Data: r.Data})
	}
	return out
}

func recordError(err error) error {
	switch {
	case errors.Is(err, records.ErrConflict):
		return outbox.ErrConflict
	case ipc.CodeOf(err) == ipc.CodeLocked:
		return outbox.ErrLocked
	}
	return err
}
