package ipc

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// shared makes a connection over a line whose maker keeps the end that it hands
// over, as a hostile peer may.
func shared(t *testing.T) (theirs net.Conn, mine net.Conn, kept int) {
	t.Helper()
	a, b, _, _ := pair(t)
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fds[1]) })
	rights := syscall.UnixRights(fds[1])
	if _, _, err := a.conn.WriteMsgUnix([]byte{opConnect}, rights, nil); err != nil {
		t.Fatal(err)
	}
	mine, err = b.Accept()
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fds[0]), "conn")
	theirs, err = net.FileConn(f)
	f.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { theirs.Close(); mine.Close() })
	return theirs, mine, fds[1]
}

// A peer that makes the shared socket blocking holds no thread of ours beyond a
// deadline, in reading or in writing.
func TestPeerCannotMakeUsBlock(t *testing.T) {
	_, mine, kept := shared(t)
	if err := syscall.SetNonblock(kept, false); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func() (int, error){
		"read":  func() (int, error) { return mine.Read(make([]byte, 1)) },
		"write": func() (int, error) { return mine.Write(make([]byte, 8<<20)) },
	} {
		if err := mine.SetDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { _, err := f(); ended <- err }()
		select {
		case err := <-ended:
			var timeout net.Error
			if !errors.As(err, &timeout) || !timeout.Timeout() {
				t.Errorf("%s: %v, want its deadline", name, err)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("%s blocks for as long as the peer likes", name)
		}
	}
}

func TestAcceptedConnection(t *testing.T) {
	theirs, mine, _ := shared(t)
	want := bytes.Repeat([]byte("0123456789"), 200_000) // more than the socket's buffer
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { mine.Close(); theirs.Close() })
	defer stop()
	go func() { _, _ = io.CopyN(theirs, theirs, int64(len(want))); theirs.Close() }()
	go func() { _, _ = mine.Write(want) }()
	got, err := io.ReadAll(mine)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d of %d bytes came back, %v", len(got), len(want), err)
	}
}
