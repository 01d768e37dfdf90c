package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
)

// quotas is what is known of the person's quotas, and its log of changes. A server
// tells nothing by itself: it is asked when a client asks, and a while after mails
// changed.
type quotas struct {
	ask  func(context.Context) ([]upstream.Quota, error)
	log  *slog.Logger
	turn chan struct{} // holds a token while the server is asked

	mu    sync.Mutex // guards the rest
	epoch string
	seq   int64
	at    time.Time // when the server was asked last; zero: never
	items []quotaItem
	gone  []quotaTomb // of this epoch
	moved chan struct{}
}

type quotaItem struct {
	jmap.Quota
	made, used, other int64 // numbers of the creation, of the last change of Used, and of all else
}

type quotaTomb struct {
	id        jmap.QuotaID
	made, seq int64
}

func newQuotas(ask func(context.Context) ([]upstream.Quota, error), log *slog.Logger) *quotas {
	return &quotas{ask: ask, log: log, turn: make(chan struct{}, 1), epoch: rand.Text()[:8], moved: make(chan struct{})}
}

// follow asks again after mails changed, until ctx ends.
func (q *quotas) follow(ctx context.Context, changed func() <-chan struct{}) {
	for {
		next := changed()
		select {
		case <-time.After(quotaPause):
		case <-ctx.Done():
			return
		}
		if err := q.refresh(ctx); err != nil && ctx.Err() == nil {
			q.log.Info("quotas not read", "err", err)
		}
		select {
		case <-next:
		case <-ctx.Done():
			return
		}
	}
}

// refresh asks the server unless it was asked a moment ago.
func (q *quotas) refresh(ctx context.Context) error {
	select {
	case q.turn <- struct{}{}:
		defer func() { <-q.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	q.mu.Lock()
	fresh := !q.at.IsZero() && time.Since(q.at) < quotaFresh
	q.mu.Unlock()
	if fresh {
		return nil
	}
	list, err := q.ask(ctx)
	if err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.at = time.Now()
	q.take(shownQuotas(list))
	return nil
}

// take compares what there is with what was, and logs what changed. It needs mu.
func (q *quotas) take(now []jmap.Quota) {
	before := q.seq
	var next []quotaItem
	for _, n := range now {
		i := slices.IndexFunc(q.items, func(i quotaItem) bool { return i.ID == n.ID })
		if i < 0 {
			q.seq++
			next = append(next, quotaItem{Quota: n, made: q.seq})
			continue
		}
		item := q.items[i]
		if item.Used != n.Used {
			q.seq++
			item.used = q.seq
		}
		if item.HardLimit != n.HardLimit {
			q.seq++
			item.other = q.seq
		}
		item.Quota = n
		next = append(next, item)
	}
	for _, old := range q.items {
		if !slices.ContainsFunc(now, func(n jmap.Quota) bool { return n.ID == old.ID }) {
			q.seq++
			q.gone = append(q.gone, quotaTomb{old.ID, old.made, q.seq})
		}
	}
	if len(q.gone) > maxQuotas {
		q.epoch, q.gone = rand.Text()[:8], nil // a server that plays with them
	}
	q.items = next
	if q.seq != before {
		close(q.moved)
		q.moved = make(chan struct{})
	}
}

// shownQuotas puts the server's words into JMAP's. What no client could read as a
// number is no limit (RFC 8620, section 1.3).
func shownQuotas(list []upstream.Quota) (out []jmap.Quota) {
	for _, u := range list {
		q := jmap.Quota{Scope: jmap.QuotaAccount, ResourceType: jmap.QuotaCount, Used: u.Used, HardLimit: u.Limit, Name: quotaName(u.Root)}
		const most = uint64(1)<<53 - 1
		unit := uint64(1)
		switch u.Resource {
		case upstream.QuotaStorage:
			q.ResourceType, q.Types, unit = jmap.QuotaOctets, []jmap.Type{jmap.TypeEmail}, 1024
		case upstream.QuotaMessages:
			q.Types = []jmap.Type{jmap.TypeEmail}
		case upstream.QuotaBoxes:
			q.Types = []jmap.Type{jmap.TypeMailbox}
		default:
			continue
		}
		if u.Limit > most/unit || len(out) >= maxQuotas {
			continue
		}
		q.Used, q.HardLimit = min(u.Used, most/unit)*unit, u.Limit*unit
		sum := sha256.Sum256([]byte("quota\x00" + u.Root + "\x00" + string(u.Resource)))
		q.ID = jmap.QuotaID("q" + base64.RawURLEncoding.EncodeToString(sum[:9]))
		if !slices.ContainsFunc(out, func(o jmap.Quota) bool { return o.ID == q.ID }) {
			out = append(out, q)
		}
	}
	return out
}

// quotaName is the server's name of a quota as text; servers may have none.
func quotaName(root string) string {
	name := strings.ToValidUTF8(root, "\uFFFD")
	if len(name) > maxQuotaName {
		name = strings.ToValidUTF8(name[:maxQuotaName], "")
	}
	if name == "" {
		name = "Mail"
	}
	return name
}

func (q *quotas) stateAt(seq int64) jmap.State {
	return jmap.State(q.epoch + "." + strconv.FormatInt(seq, 10))
}

// state is the one that is known; it asks nobody.
func (q *quotas) state() jmap.State {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.stateAt(q.seq)
}

// wait is closed at the next change.
func (q *quotas) wait() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.moved
}

// changes tells what happened since a state of this process.
func (q *quotas) changes(ctx context.Context, since jmap.State, limit int) (jmap.Changes, error) {
	if err := q.refresh(ctx); err != nil {
		return jmap.Changes{}, failure(err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	epoch, number, _ := strings.Cut(string(since), ".")
	from, err := strconv.ParseInt(number, 10, 64)
	if err != nil || epoch != q.epoch || from < 0 || from > q.seq {
		return jmap.Changes{}, jmap.CannotCalculateChanges
	}
	out := jmap.Changes{OldState: since, NewState: q.stateAt(q.seq), CountsOnly: true}
	for _, t := range q.gone {
		if back := slices.ContainsFunc(q.items, func(i quotaItem) bool { return i.ID == t.id }); t.seq > from && t.made <= from && !back {
			out.Destroyed = append(out.Destroyed, string(t.id))
		}
	}
	for _, i := range q.items {
		switch was := slices.ContainsFunc(q.gone, func(t quotaTomb) bool { return t.id == i.ID && t.made <= from && t.seq > from }); {
		case i.made > from && !was:
			out.Created = append(out.Created, string(i.ID))
		case i.made > from || i.other > from:
			out.Updated, out.CountsOnly = append(out.Updated, string(i.ID)), false
		case i.used > from:
			out.Updated = append(out.Updated, string(i.ID))
		}
	}
	out.CountsOnly = out.CountsOnly && len(out.Updated) > 0
	if limit > 0 && len(out.Created)+len(out.Updated)+len(out.Destroyed) > limit {
		return jmap.Changes{}, jmap.CannotCalculateChanges // there are so few
	}
	return out, nil
}

// QuotaGet returns Quotas.
func (a *Account) QuotaGet(ctx context.Context, ids []jmap.QuotaID) (list []jmap.Quota, notFound []jmap.QuotaID, state jmap.State, err error) {
	q := a.quota
	if q == nil {
		return nil, nil, "", jmap.AccountNotSupportedByMethod
	}
	if err := q.refresh(ctx); err != nil {
		return nil, nil, "", failure(err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, i := range q.items {
		if ids == nil || slices.Contains(ids, i.ID) {
			list = append(list, i.Quota)
		}
	}
	for _, id := range ids {
		if !slices.ContainsFunc(q.items, func(i quotaItem) bool { return i.ID == id }) {
			notFound = append(notFound, id)
		}
	}
	return list, notFound, q.stateAt(q.seq), nil
}
