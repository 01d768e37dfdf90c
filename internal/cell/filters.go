package cell

import (
	"context"
	"fmt"

	"cofferdam/internal/account"
	"cofferdam/internal/ipc"
	"cofferdam/internal/jmap"
)

// filters are one person's Sieve scripts, which porter keeps on the mail platform
// and guards.
type filters struct {
	c *Cell
	p *person
}

// Offer implements account.Filters.
func (f filters) Offer(ctx context.Context) (*account.FilterOffer, error) {
	o, err := askFilters[ipc.SieveOffer](ctx, f, ipc.PorterSieveOffer, func(a ipc.Auth) ipc.SieveAsk { return ipc.SieveAsk{Auth: a} })
	if err != nil || !o.Configured {
		return nil, err
	}
	return &account.FilterOffer{Implementation: o.Implementation, Extensions: o.Extensions, Notify: o.Notify,
		MaxRedirects: o.MaxRedirects, MaxScripts: ipc.MaxSieveScripts, MaxSize: ipc.MaxSieveScript}, nil
}

// Scripts implements account.Filters.
func (f filters) Scripts(ctx context.Context) ([]account.Filter, error) {
	out, err := askFilters[ipc.SieveScripts](ctx, f, ipc.PorterSieveRead, func(a ipc.Auth) ipc.SieveAsk { return ipc.SieveAsk{Auth: a} })
	if err != nil {
		return nil, err
	}
	list := make([]account.Filter, len(out.Scripts))
	for i, s := range out.Scripts {
		list[i] = account.Filter{Name: s.Name, Active: s.Active, Content: string(s.Content)}
	}
	return list, nil
}

// Check implements account.Filters.
func (f filters) Check(ctx context.Context, content string) error {
	done, err := askFilters[ipc.SieveDone](ctx, f, ipc.PorterSieveCheck, func(a ipc.Auth) ipc.SieveCheck {
		return ipc.SieveCheck{Auth: a, Content: []byte(content)}
	})
	if err != nil {
		return err
	}
	return filterRefusal(&done)
}

// Apply implements account.Filters.
func (f filters) Apply(ctx context.Context, seen []account.Filter, steps []account.FilterStep) (int, error) {
	have := make([]ipc.SieveScript, len(seen))
	for i, s := range seen {
		have[i] = ipc.SieveScript{Name: s.Name, Active: s.Active, Content: []byte(s.Content)}
	}
	verbs := map[account.FilterVerb]string{account.FilterPut: ipc.SievePut, account.FilterRename: ipc.SieveRename,
		account.FilterDelete: ipc.SieveDelete, account.FilterActivate: ipc.SieveActivate}
	wire := make([]ipc.SieveStep, len(steps))
	for i, s := range steps {
		wire[i] = ipc.SieveStep{Verb: verbs[s.Verb], Name: s.Name, To: s.To}
		if s.Verb == account.FilterPut {
			wire[i].Content = []byte(s.Content)
		}
	}
	// Half of a change helps nobody: who has hung up does not stop it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), filterTime)
	defer cancel()
	done, err := askFilters[ipc.SieveDone](ctx, f, ipc.PorterSieveApply, func(a ipc.Auth) ipc.SieveApply {
		return ipc.SieveApply{Auth: a, Seen: ipc.SieveDigest(have), Steps: wire}
	})
	if err != nil {
		return 0, err
	}
	return done.Done, filterRefusal(&done)
}

// filterRefusal puts porter's no into account's words. What only another program
// can have made so says that the scripts are not what they were.
func filterRefusal(done *ipc.SieveDone) error {
	why := account.FilterRefused
	switch done.No {
	case "":
		return nil
	case ipc.SieveInvalid:
		why = account.FilterInvalid
	case ipc.SieveForbidden:
		why = account.FilterForbidden
	case ipc.SieveTooLarge:
		why = account.FilterTooLarge
	case ipc.SieveQuota:
		why = account.FilterQuota
	case ipc.SieveAway:
		why = account.FilterAway
	case ipc.SieveChanged, ipc.SieveNotFound, ipc.SieveExists, ipc.SieveActive:
		why = account.FilterChanged
	}
	return &account.FilterRefusal{Why: why, Text: done.Text}
}

// askFilters is a call of porter's with the person's capability.
func askFilters[Out, In any](ctx context.Context, f filters, path string, with func(ipc.Auth) In) (Out, error) {
	var none Out
	capability, err := f.c.people.capability(f.p)
	if err != nil {
		return none, fmt.Errorf("%w: %w", jmap.ServerUnavailable, err)
	}
	ctx, cancel := context.WithTimeout(ctx, filterTime)
	defer cancel()
	out, err := ipc.Call[Out](ctx, f.c.porter, path, with(ipc.Auth{Capability: capability}))
	f.c.noteRefusal(f.p, capability, err)
	switch ipc.CodeOf(err) {
	case "":
		return out, nil
	case ipc.CodeUnavailable, ipc.CodeThrottled, ipc.CodeUnknown, ipc.CodeFenced, ipc.CodeExpired:
		return none, fmt.Errorf("%w: %w", jmap.ServerUnavailable, err)
	}
	return none, err
}
