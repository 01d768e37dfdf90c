package imap

import (
	"context"
	"io"
	"sync"
	"time"
)

// command is one command on its way. Its callbacks run on the reading
// goroutine under mu, so that an abandoned command's callbacks are over when
// Wait returns.
type command struct {
	name string // for errors, as "UID FETCH"
	tag  string
	enc  *encoder

	// kind names untagged answers that do not tell which command they belong
	// to. Of each kind one command is in flight: servers may finish pipelined
	// commands out of order (Dovecot 2.3 does), and then two plain SEARCHes
	// could not be told apart.
	kind string

	secret bool // write alone and wipe afterwards
	alone  bool // wait until nothing is in flight and let nothing pass: STARTTLS

	// claim reports whether an untagged response belongs to this command and,
	// only if deliver, takes its data: without, nobody may touch the value.
	claim func(r *Response, deliver bool) bool
	// sink is asked where a literal of a FETCH goes; nil means not mine.
	sink func(lit LiteralInfo) sinkAnswer
	// challenge answers a continuation request of AUTHENTICATE.
	challenge func(text string) ([]byte, error)
	// finish takes the tagged answer before the future is done; not called
	// for an abandoned command.
	finish func(r *Response)
	// settle brings the connection's state up to date with the tagged answer,
	// whether anybody waits or not.
	settle func(r *Response)
	// upgrade runs on the reading goroutine after a tagged OK, before another
	// byte is read: STARTTLS, COMPRESS, Hijack.
	upgrade func() error

	mu        sync.Mutex // guards abandoned; held while callbacks run
	abandoned bool

	since time.Time // when IDLE was sent

	// trouble is a fault of the caller's side that a tagged OK does not heal,
	// as a failed writer. The reading goroutine sets and reads it.
	trouble error

	once sync.Once
	done chan struct{}
	err  error // valid after done
}

// sinkAnswer says what becomes of a literal.
type sinkAnswer struct {
	mine   bool      // the literal belongs to this command
	stream bool      // do not keep it in memory
	w      io.Writer // where to stream it; nil skips it
}

func (cmd *command) complete(err error) {
	cmd.once.Do(func() {
		cmd.err = err
		close(cmd.done)
	})
}

// abandon ends the caller's interest and waits for a callback under way.
func (cmd *command) abandon() {
	cmd.mu.Lock()
	cmd.abandoned = true
	cmd.mu.Unlock()
}

func (cmd *command) isAbandoned() bool {
	cmd.mu.Lock()
	defer cmd.mu.Unlock()
	return cmd.abandoned
}

// Future is the answer of a command under way. A long set of messages is cut
// into several commands that share one Future.
type Future[T any] struct {
	cmds  []*command
	value *T
	err   error // refused before anything was sent
}

// Wait blocks until the server has answered or ctx is done. Wait may be called
// more than once, and by several goroutines.
//
// When ctx ends first, the command's callbacks stop, a command not yet written
// is withdrawn, and the answer of a written one is read and dropped; the
// connection stays usable. One exception: a command whose literal is half
// written ends the connection.
//
// The value is valid with an error too where its type says so: a COPY cut in
// chunks may be half done. After the error of a context it is the zero value.
func (f *Future[T]) Wait(ctx context.Context) (T, error) {
	var zero T
	if f.err != nil {
		return zero, f.err
	}
	var first error
	for _, cmd := range f.cmds {
		select {
		case <-cmd.done:
		default:
			select {
			case <-cmd.done:
			case <-ctx.Done():
				for _, c := range f.cmds {
					c.abandon()
				}
				return zero, ctx.Err()
			}
		}
		if first == nil {
			first = cmd.err
		}
	}
	if first != nil {
		for _, c := range f.cmds {
			c.abandon() // a lost connection may have a callback under way
		}
	}
	return *f.value, first
}

// failed is a future that was refused before it was sent.
func failed[T any](err error) *Future[T] { return &Future[T]{err: err} }

// None is the result of commands that return nothing but success.
type None struct{}
