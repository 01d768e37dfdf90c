package cell

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/account"
	"cofferdam/internal/ipc"
	"cofferdam/internal/jmap"
	"cofferdam/internal/sieve"
)

// filterPorter answers as porter does, and notes what it was asked.
type filterPorter struct {
	offer ipc.SieveOffer
	done  ipc.SieveDone
	err   error
	asked ipc.SieveApply
	check string
}

func (f *filterPorter) mux() *ipc.Mux {
	m := ipc.NewMux(slog.New(slog.DiscardHandler))
	ipc.Handle(m, ipc.PorterSieveOffer, 4<<10, time.Second, func(context.Context, ipc.SieveAsk) (ipc.SieveOffer, error) { return f.offer, f.err })
	ipc.Handle(m, ipc.PorterSieveRead, 4<<10, time.Second, func(context.Context, ipc.SieveAsk) (ipc.SieveScripts, error) {
		return ipc.SieveScripts{Scripts: []ipc.SieveScript{{Name: "a", Active: true, Content: []byte("keep;")}, {Name: "b", Content: []byte("stop;")}}}, f.err
	})
	ipc.Handle(m, ipc.PorterSieveCheck, 4<<20, time.Second, func(_ context.Context, in ipc.SieveCheck) (ipc.SieveDone, error) {
		f.check = string(in.Content)
		return f.done, f.err
	})
	ipc.Handle(m, ipc.PorterSieveApply, 4<<20, time.Second, func(_ context.Context, in ipc.SieveApply) (ipc.SieveDone, error) {
		f.asked = in
		return f.done, f.err
	})
	return m
}

// TestFilters: what an account asks reaches porter with the person's capability,
// and porter's words come back as those of an account.
func TestFilters(t *testing.T) {
	ps, p, _ := visitor(t, nil)
	fp := &filterPorter{}
	f := filters{&Cell{people: ps, porter: ipc.NewClient(line(t, "porter", fp.mux())), log: slog.New(slog.DiscardHandler)}, p}
	ctx := t.Context()
	if o, err := f.Offer(ctx); o != nil || err != nil {
		t.Errorf("a platform without Sieve: %+v, %v", o, err)
	}
	fp.offer = ipc.SieveOffer{Configured: true, Implementation: "x", Extensions: []string{"vacation"}}
	o, err := f.Offer(ctx)
	if err != nil || o.Implementation != "x" || o.MaxScripts != ipc.MaxSieveScripts || o.MaxSize != sieve.MaxScript {
		t.Errorf("%+v, %v", o, err)
	}
	list, err := f.Scripts(ctx)
	if d := cmp.Diff([]account.Filter{{Name: "a", Active: true, Content: "keep;"}, {Name: "b", Content: "stop;"}}, list); d != "" || err != nil {
		t.Error(d, err)
	}
	if err := f.Check(ctx, "discard;"); err != nil || fp.check != "discard;" {
		t.Errorf("%q, %v", fp.check, err)
	}
	// A client that hangs up does not stop a change half way.
	gone, cancel := context.WithCancel(ctx)
	cancel()
	fp.done = ipc.SieveDone{Done: 4}
	n, err := f.Apply(gone, list, []account.FilterStep{{Verb: account.FilterPut, Name: "a", Content: "x;"}, {Verb: account.FilterRename, Name: "a", To: "c"},
		{Verb: account.FilterDelete, Name: "b"}, {Verb: account.FilterActivate}})
	want := []ipc.SieveStep{{Verb: ipc.SievePut, Name: "a", Content: []byte("x;")}, {Verb: ipc.SieveRename, Name: "a", To: "c"}, {Verb: ipc.SieveDelete, Name: "b"}, {Verb: ipc.SieveActivate}}
	if d := cmp.Diff(want, fp.asked.Steps); d != "" || err != nil || n != 4 {
		t.Error(d, n, err)
	}
	seen := ipc.SieveDigest([]ipc.SieveScript{{Name: "b", Content: []byte("stop;")}, {Name: "a", Active: true, Content: []byte("keep;")}})
	if capability, _ := ps.capability(p); !cmp.Equal(fp.asked.Seen, seen) || !cmp.Equal(fp.asked.Auth.Capability, capability) {
		t.Errorf("asked with %x, seen %x", fp.asked.Auth.Capability, fp.asked.Seen)
	}
	for no, why := range map[string]account.FilterWhy{ipc.SieveInvalid: account.FilterInvalid, ipc.SieveForbidden: account.FilterForbidden, ipc.SieveTooLarge: account.FilterTooLarge,
		ipc.SieveQuota: account.FilterQuota, ipc.SieveAway: account.FilterAway, ipc.SieveChanged: account.FilterChanged, ipc.SieveNotFound: account.FilterChanged,
		ipc.SieveExists: account.FilterChanged, ipc.SieveActive: account.FilterChanged, ipc.SieveRefused: account.FilterRefused, "new": account.FilterRefused} {
		fp.done = ipc.SieveDone{Done: 1, No: no, Text: "words"}
		var r *account.FilterRefusal
		if n, err := f.Apply(ctx, nil, nil); n != 1 || !errors.As(err, &r) || r.Why != why || r.Text != "words" {
			t.Errorf("%s: %d, %v", no, n, err)
		}
	}
	for code, away := range map[ipc.Code]bool{ipc.CodeUnavailable: true, ipc.CodeThrottled: true, ipc.CodeInvalid: false, ipc.CodeUnknown: true} {
		fp.err = ipc.Errorf(code, "no")
		if _, err := f.Scripts(ctx); err == nil || errors.Is(err, jmap.ServerUnavailable) != away {
			t.Errorf("%s: %v", code, err)
		}
	}
}
