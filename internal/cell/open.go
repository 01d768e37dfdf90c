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
		return nil, nil, err
	}
	store := imapup.New(imapup.Config{
		Dial:   func(ctx context.Context) (net.Conn, error) { return c.dialIMAP(ctx, p) },
		Logger: c.log,
	})
	var a *account.Account
	out, err := outbox.Open(ctx, outbox.Config{
		Sender:  sender{c, p},
		Records: c.outboxRecords(p, keys[seal.ClassOutbox]),
		Identities: func() []jmap.Identity {
			list, _, _, _ := a.IdentityGet(ctx, nil) // all of them; it asks nobody
			return list
		},
		Log: c.log,
	})
	if err != nil {
		return nil, nil, err
	}
	a, err = account.New(ctx, account.Config{
		ID: accountID(p.uid), Addresses: req.Addresses, Store: store, Key: keys[seal.ClassMail].Reveal(),
		Uploads: account.NewMemoryUploads(), Outbox: out, Renderer: findings{c}, Logger: c.log,
	})
	if err != nil {
		store.Close()
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
		for _, k := range keys {
			k.Wipe()
		}
	}, nil
}

// accountID is the JMAP account's id. Its last letter is the generation of the
// ids in it (RFC 8620 section 1.6.2).
func accountID(uid user.ID) jmap.AccountID { return jmap.AccountID("u" + uid.Hex() + "a") }

func parseKeys(uid user.ID, list []ipc.ClassKey) (map[seal.Class]seal.ClassKey, error) {
	out := map[seal.Class]seal.ClassKey{}
	for _, k := range list {
		key, err := seal.ParseClassKey(uid, seal.Class(k.Class), k.Generation, k.Key)
		clear(k.Key)
		if err != nil {
			return nil, err
		}
		out[key.Class()] = key
	}
	if out[seal.ClassMail].IsZero() || out[seal.ClassOutbox].IsZero() {
		return nil, errors.New("keeper sent no key for mail or outbox")
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

// outboxRecords keeps the outbox's records with keeper, sealed under the
// person's outbox key.
type outboxRecords struct {
	c   *Cell
	p   *person
	key seal.ClassKey
}

func (c *Cell) outboxRecords(p *person, key seal.ClassKey) outbox.Records {
	return outboxRecords{c, p, key}
}

// Put implements outbox.Records.
func (o outboxRecords) Put(ctx context.Context, id string, revision int64, data []byte) error {
	if o.p.locked {
		return outbox.ErrLocked
	}
	sealed, err := o.key.SealRecord([]byte(id), revision, data)
	if err != nil {
		return err
	}
	_, err = call[ipc.RecordMark](ctx, o.c, o.p, ipc.KeeperRecordPut, func(a ipc.Auth) ipc.RecordPut {
		return ipc.RecordPut{Auth: a, Record: ipc.Record{Class: string(o.key.Class()), ID: []byte(id), Revision: revision, Generation: o.key.Generation(), Data: sealed}}
	})
	return recordError(err)
}

// Delete implements outbox.Records.
func (o outboxRecords) Delete(ctx context.Context, id string, revision int64) error {
	_, err := call[ipc.RecordMark](ctx, o.c, o.p, ipc.KeeperRecordDelete, func(a ipc.Auth) ipc.RecordDelete {
		return ipc.RecordDelete{Auth: a, Class: string(o.key.Class()), ID: []byte(id), Revision: revision}
	})
	return recordError(err)
}

// All implements outbox.Records. A session that has just begun may be ahead of a
// keeper that is restarting: it is asked for a while.
func (o outboxRecords) All(ctx context.Context) ([]outbox.Stored, error) {
	if o.p.locked {
		return nil, outbox.ErrLocked
	}
	var out []outbox.Stored
	var after []byte
	for tries := 0; ; {
		page, err := call[ipc.RecordPage](ctx, o.c, o.p, ipc.KeeperRecordList, func(a ipc.Auth) ipc.RecordList {
			return ipc.RecordList{Auth: a, Class: string(o.key.Class()), After: after, Limit: recordPage}
		})
		if ipc.CodeOf(err) == ipc.CodeUnavailable && tries < recordTries {
			tries++
			select {
			case <-time.After(recordPause):
				continue
			case <-ctx.Done():
			}
		}
		if err != nil {
			return nil, recordError(err)
		}
		for _, r := range page.Records {
			data, err := o.key.OpenRecord(r.ID, r.Revision, r.Data)
			if err != nil {
				return nil, err
			}
			out = append(out, outbox.Stored{ID: string(r.ID), Revision: r.Revision, Data: data})
			after = r.ID
		}
		if !page.More {
			return out, nil
		}
	}
}

func recordError(err error) error {
	switch ipc.CodeOf(err) {
	case ipc.CodeConflict:
		return outbox.ErrConflict
	case ipc.CodeLocked:
		return outbox.ErrLocked
	}
	return err
}
