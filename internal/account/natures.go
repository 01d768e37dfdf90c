package account

import (
	"io"
	"sync"

	"cofferdam/internal/jmap"
)

// natures remembers of large mails that were written here whether they have bytes
// above 127, so that sending one reads it from the mail server once: SMTP wants to
// know before the first byte (RFC 6152, section 3).
type natures struct {
	mu   sync.Mutex // guards what follows
	of   map[jmap.EmailID]bool
	made []jmap.EmailID // in the order of their coming
}

func (n *natures) add(id jmap.EmailID, eightBit bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.of == nil {
		n.of = map[jmap.EmailID]bool{}
	}
	if _, has := n.of[id]; !has {
		n.made = append(n.made, id)
	}
	n.of[id] = eightBit
	if len(n.made) > maxNatures {
		delete(n.of, n.made[0])
		n.made = n.made[1:]
	}
}

func (n *natures) get(id jmap.EmailID) (eightBit, known bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	eightBit, known = n.of[id]
	return eightBit, known
}

// noting notes whether what is read has bytes above 127.
type noting struct {
	io.ReadCloser
	eightBit bool
}

// Read implements io.Reader.
func (n *noting) Read(p []byte) (int, error) {
	got, err := n.ReadCloser.Read(p)
	for i := 0; i < got && !n.eightBit; i++ {
		n.eightBit = p[i] > 127
	}
	return got, err
}
