package system

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"sync"
)

// Log is what a server wrote, line by line.
type Log struct {
	mu    sync.Mutex // guards the rest
	part  []byte     // of a line that has not ended
	lines []string
	more  chan struct{} // closed and replaced with each line
}

func newLog() *Log { return &Log{more: make(chan struct{})} }

// Write takes the server's output.
func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.part = append(l.part, b...)
	for {
		line, rest, ok := bytes.Cut(l.part, []byte("\n"))
		if !ok {
			return len(b), nil
		}
		l.lines = append(l.lines, string(line))
		l.part = bytes.Clone(rest)
		close(l.more)
		l.more = make(chan struct{})
	}
}

// Len is the number of lines so far, for From.
func (l *Log) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.lines)
}

// From are the lines from the n-th on.
func (l *Log) From(n int) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.lines[n:]...)
}

// Tail is the end of the log.
func (l *Log) Tail(n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines[max(0, len(l.lines)-n):], "\n")
}

// Record is one structured line.
type Record map[string]any

// Text is an attribute as text, "" when it is none.
func (r Record) Text(name string) string {
	s, _ := r[name].(string)
	return s
}

// Records are the structured lines from the n-th on.
func (l *Log) Records(n int) []Record {
	var out []Record
	for _, line := range l.From(n) {
		var r Record
		if json.Unmarshal([]byte(line), &r) == nil {
			out = append(out, r)
		}
	}
	return out
}

// Wait waits for a structured line, from the n-th on, that matches.
func (l *Log) Wait(ctx context.Context, n int, match func(Record) bool) (Record, bool) {
	for {
		l.mu.Lock()
		more := l.more
		l.mu.Unlock()
		for _, r := range l.Records(n) {
			if match(r) {
				return r, true
			}
		}
		select {
		case <-more:
		case <-ctx.Done():
			return nil, false
		}
	}
}
