package account

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"cofferdam/internal/jmap"
)

// Filters keeps a person's Sieve scripts on the mail platform. It is safe for
// concurrent use. Errors of the platform's being away are temporary in the sense
// of jmap.ServerUnavailable.
type Filters interface {
	// Offer says what the platform's Sieve can; nil: it has none.
	Offer(ctx context.Context) (*FilterOffer, error)
	// Scripts reads all scripts with what is in them.
	Scripts(ctx context.Context) ([]Filter, error)
	// Check asks whether a script is valid: nil, or a *FilterRefusal.
	Check(ctx context.Context, content string) error
	// Apply takes the steps until one is refused by a *FilterRefusal; done is how
	// many were taken. Nothing is done, and the refusal is FilterChanged, if the
	// scripts are not those that the caller has seen.
	Apply(ctx context.Context, seen []Filter, steps []FilterStep) (done int, err error)
}

// FilterOffer is what a platform's Sieve can.
type FilterOffer struct {
	Implementation string
	Extensions     []string
	Notify         []string // URI schemes
	MaxRedirects   *uint64
	// The most that may be stored: scripts, and bytes of one.
	MaxScripts, MaxSize int
}

// Filter is a script. At most one is active.
type Filter struct {
	Name    string
	Active  bool
	Content string
}

// FilterStep is one change of scripts.
type FilterStep struct {
	Verb    FilterVerb
	Name    string // FilterActivate: "" for none
	To      string // of FilterRename
	Content string // of FilterPut
}

// FilterVerb is a kind of change.
type FilterVerb uint8

// The four of them.
const (
	FilterPut FilterVerb = iota + 1
	FilterRename
	FilterDelete
	FilterActivate
)

// FilterRefusal says why a step was not taken. Text is in words for the person and
// may quote from their script.
type FilterRefusal struct {
	Why  FilterWhy
	Text string
}

// Error names the reason alone.
func (r *FilterRefusal) Error() string { return "script refused: " + string(r.Why) }

// FilterWhy is a reason.
type FilterWhy string

// Why a step was not taken.
const (
	FilterInvalid   FilterWhy = "invalid"   // no valid Sieve
	FilterForbidden FilterWhy = "forbidden" // it reaches beyond the account, and the person did not confirm that
	FilterTooLarge  FilterWhy = "tooLarge"
	FilterQuota     FilterWhy = "quota"
	FilterChanged   FilterWhy = "changed" // another program was here
	FilterRefused   FilterWhy = "refused" // anything else
	FilterAway      FilterWhy = "away"    // the connection broke: the step may have been taken
)

// setError puts a refusal into JMAP's words (RFC 9661, section 2.4).
func (r *FilterRefusal) setError() *jmap.SetError {
	types := map[FilterWhy]jmap.SetErrorType{FilterInvalid: jmap.SetInvalidSieve, FilterForbidden: jmap.SetForbidden,
		FilterTooLarge: jmap.SetTooLarge, FilterQuota: jmap.SetOverQuota, FilterRefused: jmap.SetForbidden}
	if t, ok := types[r.Why]; ok {
		return &jmap.SetError{Type: t, Description: r.Text}
	}
	text := "the Sieve server broke off: whether it was done shows when the scripts are read again"
	if r.Why == FilterChanged {
		text = "another program is changing the scripts at the same time"
	}
	return &jmap.SetError{Type: jmap.SetServerFail, Description: text}
}

// filterSet is one change of scripts: what was read, and what it has become. It
// has the account's turn.
type filterSet struct {
	a       *Account
	list    []Filter
	foreign bool // somebody else changed something since the beginning
}

// openFilters waits for the account's turn and reads the scripts. done gives the
// turn back.
func (a *Account) openFilters(ctx context.Context) (fs *filterSet, done func(), err error) {
	if a.info.Load().Sieve == nil {
		return nil, nil, jmap.ServerUnavailable
	}
	select {
	case a.filtering <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	done = func() { <-a.filtering }
	fs = &filterSet{a: a}
	if err := fs.read(ctx); err != nil {
		done()
		return nil, nil, err
	}
	return fs, done, nil
}

func (fs *filterSet) read(ctx context.Context) error {
	list, err := fs.a.cfg.Filters.Scripts(ctx)
	if err != nil {
		return fmt.Errorf("reading scripts: %w", err)
	}
	fs.list = append(make([]Filter, 0, len(list)), list...) // never nil
	fs.a.seenFilters(list)
	return nil
}

// find returns a script by name, nil if there is none.
func find(list []Filter, name string) *Filter {
	if i := slices.IndexFunc(list, func(f Filter) bool { return f.Name == name }); i >= 0 {
		return &list[i]
	}
	return nil
}

// active is the name of the active script, "" if there is none.
func active(list []Filter) string {
	for _, f := range list {
		if f.Active {
			return f.Name
		}
	}
	return ""
}

// change plans a change on the scripts as they are and makes it, whole or not at
// all. If another program was there meanwhile, it is planned anew.
func (fs *filterSet) change(ctx context.Context, plan func(list []Filter) ([]FilterStep, *jmap.SetError)) (*jmap.SetError, error) {
	for try := 1; ; try++ {
		steps, refused := plan(fs.list)
		if refused != nil || len(steps) == 0 {
			return refused, nil
		}
		before := fs.list
		done, err := fs.a.cfg.Filters.Apply(ctx, before, steps)
		var r *FilterRefusal
		switch {
		case err == nil:
			fs.list = after(before, steps)
			fs.a.seenFilters(fs.list)
			return nil, nil
		case !errors.As(err, &r):
			return nil, fmt.Errorf("changing scripts: %w", err)
		}
		if done > 0 {
			fs.undo(ctx, before, steps)
		}
		if r.Why != FilterChanged && r.Why != FilterAway && done == 0 {
			return r.setError(), nil
		}
		// What is there now is not what was read.
		fs.foreign = fs.foreign || r.Why == FilterChanged
		if err := fs.read(ctx); err != nil {
			return nil, err
		}
		if r.Why != FilterChanged || try == filterTries {
			return r.setError(), nil
		}
	}
}

// after is what steps make of scripts.
func after(list []Filter, steps []FilterStep) []Filter {
	list = slices.Clone(list)
	for _, s := range steps {
		f := find(list, s.Name)
		switch {
		case s.Verb == FilterPut && f != nil:
			f.Content = s.Content
		case s.Verb == FilterPut:
			list = append(list, Filter{Name: s.Name, Content: s.Content})
		case s.Verb == FilterRename && f != nil:
			f.Name = s.To
		case s.Verb == FilterDelete:
			list = slices.DeleteFunc(list, func(f Filter) bool { return f.Name == s.Name })
		case s.Verb == FilterActivate:
			for i := range list {
				list[i].Active = list[i].Name == s.Name
			}
		}
	}
	return list
}

// undo puts back what the first of some steps have done, as far as it can: each of
// them is refused as a whole to the person. What cannot be undone shows when the
// scripts are read again.
func (fs *filterSet) undo(ctx context.Context, before []Filter, steps []FilterStep) {
	now, err := fs.a.cfg.Filters.Scripts(ctx)
	if err != nil {
		fs.a.log.Warn("a change of scripts could not be undone", "cause", "scripts unread")
		return
	}
	var back, last []FilterStep
	for _, s := range steps {
		for _, name := range []string{s.Name, s.To} {
			was, is := find(before, name), find(now, name)
			switch {
			case was != nil && (is == nil || is.Content != was.Content):
				back = append(back, FilterStep{Verb: FilterPut, Name: name, Content: was.Content})
			case was == nil && is != nil:
				last = append(last, FilterStep{Verb: FilterDelete, Name: name})
			}
		}
	}
	if active(before) != active(now) {
		back = append(back, FilterStep{Verb: FilterActivate, Name: active(before)})
	}
	if back = append(back, last...); len(back) == 0 {
		return
	}
	if _, err := fs.a.cfg.Filters.Apply(ctx, now, back); err != nil {
		fs.a.log.Warn("a change of scripts could not be undone", "cause", "refused")
	}
}
