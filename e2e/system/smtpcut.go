package system

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net"
	"regexp"
	"strings"
	"sync"
)

// Cut is where a Cutter breaks a conversation off.
type Cut string

// The places. After CutEnd the server has no whole mail; after CutReply it has one,
// and the client does not know.
const (
	CutMail  Cut = "within the mail"
	CutEnd   Cut = "before the end of the mail reaches the server"
	CutReply Cut = "before the reply to the mail reaches the client"
)

// Cutter stands between a submission client and its server, which speak without TLS,
// and breaks connections off when told to. It knows mails by a token in their text.
type Cutter struct {
	Addr string // host:port for the client

	server string
	token  *regexp.Regexp
	ln     net.Listener

	mu    sync.Mutex // guards the rest
	armed []Cut
	cuts  map[Cut]int
	ended map[string]int // by token: ends of mails that the client sent
	open  map[net.Conn]bool
}

// NewCutter listens for the client and passes on to server.
func NewCutter(server string, token *regexp.Regexp) (*Cutter, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &Cutter{Addr: ln.Addr().String(), server: server, token: token, ln: ln,
		cuts: map[Cut]int{}, ended: map[string]int{}, open: map[net.Conn]bool{}}
	go c.serve()
	return c, nil
}

// Close ends all conversations.
func (c *Cutter) Close() {
	_ = c.ln.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	for nc := range c.open {
		_ = nc.Close()
	}
}

// Arm breaks the next mail off that gets to the place.
func (c *Cutter) Arm(at Cut) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed = append(c.armed, at)
}

// Ended is how often the client sent the end of a mail.
func (c *Cutter) Ended(token string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended[token]
}

// Cuts is how often it broke off, by place.
func (c *Cutter) Cuts() map[Cut]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[Cut]int{}
	for at, n := range c.cuts {
		out[at] = n
	}
	return out
}

func (c *Cutter) serve() {
	for {
		nc, err := c.ln.Accept()
		if err != nil {
			return
		}
		go c.pass(nc)
	}
}

// pass carries one conversation. When either side ends, so does the other.
func (c *Cutter) pass(client net.Conn) {
	server, err := net.Dial("tcp", c.server)
	if err != nil {
		_ = client.Close()
		return
	}
	talk := &talk{c: c, client: client, server: server}
	c.mu.Lock()
	c.open[client], c.open[server] = true, true
	c.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		talk.copy(client, server, talk.answers)
	}()
	talk.copy(server, client, talk.asks)
	<-done
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, client)
	delete(c.open, server)
}

// take says whether a cut at this place is wanted.
func (c *Cutter) take(at Cut) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, want := range c.armed {
		if want == at {
			c.armed = append(c.armed[:i], c.armed[i+1:]...)
			c.cuts[at]++
			return true
		}
	}
	return false
}

// talk is one conversation.
type talk struct {
	c              *Cutter
	client, server net.Conn

	mu       sync.Mutex // guards the rest
	text     []byte     // what the client said since the last mail
	atReply  bool       // the mail's end has passed, its reply not yet
	cutReply bool
}

var errToldToCut = errors.New("told to cut")

func (t *talk) copy(to, from net.Conn, look func([]byte) ([]byte, error)) {
	defer t.client.Close()
	defer t.server.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			out, cut := look(buf[:n])
			if _, werr := to.Write(out); werr != nil || cut != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// asks looks at what the client says: BDAT n, the mail, BDAT 0 LAST (RFC 3030), or
// DATA, the mail, a dot.
func (t *talk) asks(said []byte) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := len(t.text)
	t.text = append(t.text, said...)
	token := string(t.c.token.Find(t.text))
	if token == "" {
		return said, nil
	}
	if bytes.Contains(t.text, []byte("\r\nBDAT 0 LAST\r\n")) || bytes.HasSuffix(t.text, []byte("\r\n.\r\n")) {
		t.c.mu.Lock()
		t.c.ended[token]++
		t.c.mu.Unlock()
		if t.c.take(CutEnd) {
			return nil, errToldToCut
		}
		t.cutReply, t.atReply, t.text = t.c.take(CutReply), true, nil
		return said, nil
	}
	if before == 0 || !t.c.token.Match(t.text[:before]) {
		if t.c.take(CutMail) {
			return said[:rand.IntN(len(said))], errToldToCut
		}
	}
	return said, nil
}

// answers looks at what the server says.
func (t *talk) answers(said []byte) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	// Replies to the mail's own chunks come first; that to its end names a queue id.
	if !t.atReply || !strings.Contains(string(said), "queued as") {
		return said, nil
	}
	t.atReply = false
	if t.cutReply {
		t.cutReply = false
		return nil, errToldToCut
	}
	return said, nil
}
