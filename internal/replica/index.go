package replica

import (
	"errors"
	"math/rand/v2"
	"sync"

	"cofferdam/internal/jmap"
	"cofferdam/internal/upstream"
)

// ErrTooManyMails is returned when an account has more than MaxMails mails or
// MaxBoxes mailboxes. Permanent.
var ErrTooManyMails = errors.New("account too large for the index")

// Index is what is known of one account's mails. See the package comment.
type Index struct {
	mu sync.RWMutex // guards all below

	columns
	names *namer
	words keywords

	boxes  []*box // by slot; nil where a slot is free
	byID   map[jmap.MailboxID]*box
	byName map[string]*box
	trash  *box                      // of role trash, or nil
	prefix string                    // upstream.Info.Prefix
	orders map[jmap.MailboxID]uint32 // what the person gave mailboxes, see SetOrders

	epoch    string
	past     []branch // the logs that this one goes on from, oldest first
	gen      uint64   // grows with each transaction that changes something; for caches
	seq      uint32   // number of the last change
	floor    uint32   // changes up to here are forgotten
	complete bool     // every mail is here; before, states lead nowhere

	emailSeq, threadSeq, boxSeq, arriveSeq uint32 // the last change of each type

	tombs    []tomb // in the order of their destruction
	boxTombs []boxTomb

	// cache is guarded by cacheMu, which may be taken under mu in either mode.
	cacheMu sync.Mutex
	cache   resultCache
	all     []uint32 // every mail in the order of columns.less, or nil
	allAt   uint64   // gen for which all is true

	notify func() // called after a change, without mu
}

// newIndex returns an empty index. epoch tells its states from those of any
// other index of the account.
func newIndex(identity upstream.Identity, key []byte, epoch string) *Index {
	return &Index{
		columns: columns{seed: rand.Uint64()},
		names:   newNamer(identity, key),
		words:   newKeywords(),
		byID:    make(map[jmap.MailboxID]*box),
		byName:  make(map[string]*box),
		epoch:   epoch,
		notify:  func() {},
	}
}

// next is the number of a new change. Numbers end after four thousand million
// changes; then the log begins anew in another epoch.
func (ix *Index) next() uint32 {
	if ix.seq == 1<<32-1 {
		ix.restart()
	}
	ix.seq++
	return ix.seq
}

// restart begins a new epoch: every state given out is forgotten.
func (ix *Index) restart() {
	ix.epoch, ix.past = newEpoch(), nil
	ix.seq, ix.floor = 0, 0
	ix.tombs, ix.boxTombs = nil, nil
	ix.emailSeq, ix.threadSeq, ix.boxSeq, ix.arriveSeq = 0, 0, 0, 0
	for i := range ix.rows {
		ix.rows[i].created, ix.updated[i] = 0, 0
	}
	for _, b := range ix.boxes {
		if b != nil {
			b.created, b.renamed, b.recount = 0, 0, 0
		}
	}
}

// Size is how many mails the index holds.
func (ix *Index) Size() int {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return ix.live
}

// Generation grows with each change.
func (ix *Index) Generation() uint64 {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return ix.gen + uint64(ix.seq) // what happens to mailboxes alone is no transaction
}

// Complete reports whether every mail is in the index.
func (ix *Index) Complete() bool {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return ix.complete
}
