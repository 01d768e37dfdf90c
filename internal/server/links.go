package server

import (
	"os"
	"strconv"
	"strings"

	"cofferdam/internal/ipc"
)

// link is a line between two roles. The supervisor keeps both ends, so that a
// restarted role gets the same end again.
type link struct {
	a, b   string // names of the roles; a holds fa
	fa, fb *os.File
}

func newLink(a, b string) (*link, error) {
	fa, fb, err := ipc.NewPair()
	if err != nil {
		return nil, err
	}
	return &link{a, b, fa, fb}, nil
}

// end is role's end and the peer's name, nil when the link is not role's.
func (l *link) end(role string) (*os.File, string) {
	switch role {
	case l.a:
		return l.fa, l.b
	case l.b:
		return l.fb, l.a
	}
	return nil, ""
}

func (l *link) close() {
	l.fa.Close()
	l.fb.Close()
}

// peersOf is the whole of who may talk to whom (DESIGN section 2). It names the
// peers of a role that are started before it or with it.
func peersOf(name string) []string {
	switch kind(name) {
	case "vault", "porter", "gate":
		return nil
	case "courier":
		return []string{"keeper"}
	case "keeper":
		return []string{"vault", "porter", "gate"}
	case "cell":
		return []string{"keeper", "porter", "courier", "gate"}
	case "render":
		return []string{cellOf(name)}
	}
	return nil
}

// kind is the role of a process name: "cell" for "cell/3".
func kind(name string) string {
	k, _, _ := strings.Cut(name, "/")
	return k
}

// cellOf is the cell that a render belongs to: "cell/3" for "render/3.0".
func cellOf(render string) string {
	_, rest, _ := strings.Cut(render, "/")
	n, _, _ := strings.Cut(rest, ".")
	return "cell/" + n
}

// rendersOf are the names of a cell's renders.
func rendersOf(cell string, n int) []string {
	_, number, _ := strings.Cut(cell, "/")
	out := make([]string, n)
	for i := range out {
		out[i] = "render/" + number + "." + strconv.Itoa(i)
	}
	return out
}
