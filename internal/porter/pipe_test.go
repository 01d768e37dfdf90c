package porter

import (
	"bytes"
	"io"
	"testing"
)

// chunks yields one slice a read, and says with how large a buffer it was asked.
type chunks struct {
	list  [][]byte
	asked []int
}

func (c *chunks) Read(p []byte) (int, error) {
	c.asked = append(c.asked, len(p))
	if len(c.list) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.list[0])
	if c.list[0] = c.list[0][n:]; len(c.list[0]) == 0 {
		c.list = c.list[1:]
	}
	return n, nil
}

// TestCopyThrough: all bytes come through in order; a pipe waits with pipeFirst bytes,
// and has pipeBuffer only after the small buffer was filled or while more is expected.
func TestCopyThrough(t *testing.T) {
	var b buffers
	want := bytes.Repeat([]byte("0123456789"), 10_000)
	r := &chunks{list: [][]byte{want[:100], want[100:300], want[300 : 300+pipeFirst], want[300+pipeFirst:]}}
	var got []byte
	expected := false
	err := b.copyThrough(r, func() bool { return expected }, func(p []byte) error {
		got = append(got, p...)
		expected = len(got) == 100
		return nil
	})
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes came through of %d, %v", len(got), len(want), err)
	}
	for i, size := range []int{pipeFirst, pipeBuffer, pipeFirst, pipeBuffer, pipeBuffer} {
		if r.asked[i] != size {
			t.Errorf("read %d was asked with %d bytes, want %d", i, r.asked[i], size)
		}
	}
	if last := r.asked[len(r.asked)-1]; last != pipeFirst {
		t.Errorf("it waits with %d bytes", last)
	}
	if bytes.ContainsAny(b.take(), "0123456789") {
		t.Error("the next pipe gets what this one copied")
	}
}
