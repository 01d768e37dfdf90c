package account

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/vacation"
)

// filterStates is what is known of the scripts between two calls. ManageSieve
// tells nobody of changes: what other programs change is pushed when it is seen.
type filterStates struct {
	mu      sync.Mutex // guards what follows
	states  jmap.TypeStates
	moved   chan struct{}
	renamed map[string]jmap.ScriptID // ids that are not those of the names
}

// unread is the state of scripts that were not read yet. A client that has read
// them has another one, and loses nothing by reading them again.
const unread jmap.State = "unread"

func newFilterStates() *filterStates {
	return &filterStates{states: jmap.TypeStates{jmap.TypeSieveScript: unread, jmap.TypeVacation: unread},
		moved: make(chan struct{}), renamed: map[string]jmap.ScriptID{}}
}

// Moved is closed at the next change.
func (f *filterStates) Moved() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.moved
}

// seenFilters notes what is there, so that who waits for changes is told.
func (a *Account) seenFilters(list []Filter) {
	scripts, away := a.scriptState(list), vacationState(list)
	f := a.filterStates
	f.mu.Lock()
	defer f.mu.Unlock()
	for name := range f.renamed {
		if find(list, name) == nil {
			delete(f.renamed, name)
		}
	}
	if f.states[jmap.TypeSieveScript] == scripts && f.states[jmap.TypeVacation] == away {
		return
	}
	f.states = jmap.TypeStates{jmap.TypeSieveScript: scripts, jmap.TypeVacation: away}
	close(f.moved)
	f.moved = make(chan struct{})
}

// appendFilterStates adds the states of what the account has.
func (a *Account) appendFilterStates(to jmap.TypeStates) {
	info := a.info.Load()
	f := a.filterStates
	f.mu.Lock()
	defer f.mu.Unlock()
	if info.Sieve != nil {
		to[jmap.TypeSieveScript] = f.states[jmap.TypeSieveScript]
	}
	if info.Vacation {
		to[jmap.TypeVacation] = f.states[jmap.TypeVacation]
	}
}

// scriptState depends on all that a SieveScript/get and its blobs would say, and on
// nothing else: two cells have the same, and a change of another program shows.
func (a *Account) scriptState(list []Filter) jmap.State {
	sorted := slices.SortedFunc(slices.Values(list), func(x, y Filter) int { return strings.Compare(x.Name, y.Name) })
	ids := a.scriptIDs(sorted)
	sum := sha256.New()
	for i, f := range sorted {
		writeAll(sum, string(ids[i]), f.Name, strconv.FormatBool(f.Active), f.Content)
	}
	return digest("f", sum)
}

func vacationState(list []Filter) jmap.State {
	sum := sha256.New()
	if f := find(list, vacation.ScriptName); f != nil {
		writeAll(sum, strconv.FormatBool(f.Active), f.Content)
	}
	return digest("v", sum)
}

// writeAll writes strings with their lengths, so that no two lists are the same.
func writeAll(h hash.Hash, list ...string) {
	for _, s := range list {
		h.Write(binary.AppendUvarint(nil, uint64(len(s))))
		h.Write([]byte(s))
	}
}

func digest(kind string, h hash.Hash) jmap.State {
	return jmap.State(kind + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:12]))
}

// scriptIDs are the ids of scripts. ManageSieve knows names alone: an id is made
// of the name that the script had first. One that was renamed here keeps its id
// while this account is open, and shows as another script afterwards, as one that
// another program renamed does at once.
func (a *Account) scriptIDs(list []Filter) []jmap.ScriptID {
	f := a.filterStates
	f.mu.Lock()
	defer f.mu.Unlock()
	taken := map[jmap.ScriptID]bool{}
	for _, s := range list {
		if id, ok := f.renamed[s.Name]; ok {
			taken[id] = true
		}
	}
	ids := make([]jmap.ScriptID, len(list))
	for i, s := range list {
		id, ok := f.renamed[s.Name]
		for n := 0; !ok; n++ {
			if id = scriptID(s.Name, n); !taken[id] {
				taken[id], ok = true, true
			}
		}
		ids[i] = id
	}
	return ids
}

// scriptID is the n-th id of a name: the first is taken if a script that once had
// the name still has it.
func scriptID(name string, n int) jmap.ScriptID {
	sum := sha256.New()
	writeAll(sum, "script", name, strconv.Itoa(n))
	return jmap.ScriptID(digest("s", sum))
}

// keepID makes a script keep its id under another name.
func (a *Account) keepID(id jmap.ScriptID, from, to string) {
	f := a.filterStates
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.renamed, from)
	f.renamed[to] = id
}

// learnOffer asks what the platform's Sieve can and announces it.
func (a *Account) learnOffer(ctx context.Context) error {
	offer, err := a.cfg.Filters.Offer(ctx)
	if err != nil {
		return err
	}
	info := *a.info.Load()
	if offer != nil {
		info.Sieve, info.Vacation = sieveCapability(offer), true
		for _, x := range vacation.Extensions() {
			info.Vacation = info.Vacation && slices.Contains(offer.Extensions, x)
		}
	}
	a.info.Store(&info)
	return nil
}

// keepAsking asks again until the platform has answered once.
func (a *Account) keepAsking(ctx context.Context) {
	for {
		select {
		case <-time.After(offerPause):
		case <-ctx.Done():
			return
		}
		if err := a.learnOffer(ctx); err == nil || errors.Is(err, context.Canceled) {
			return
		}
	}
}

func sieveCapability(o *FilterOffer) *jmap.SieveCapability {
	c := &jmap.SieveCapability{Implementation: o.Implementation, MaxSizeScriptName: maxScriptName, MaxSizeScript: uint64(o.MaxSize),
		MaxNumberScripts: uint64(o.MaxScripts), MaxNumberRedirects: o.MaxRedirects, SieveExtensions: append([]string{}, o.Extensions...)}
	if c.Implementation == "" {
		c.Implementation = "Sieve"
	}
	if slices.Contains(o.Extensions, "enotify") {
		c.NotificationMethods = append([]string{}, o.Notify...)
	}
	if slices.Contains(o.Extensions, "extlists") {
		c.ExternalLists = []string{} // ManageSieve (RFC 5804) does not say which
	}
	return c
}
