// Package upstreamtest checks that an upstream.Store keeps the contract of
// package upstream: Run goes over every implementation and every tier of server.
// It is for tests only.
package upstreamtest

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
)

// SignedIn returns a dial function as porter's: it signs in to an IMAP server
// and greets with PREAUTH.
func SignedIn(addr, user, password string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil, err
		}
		stop := context.AfterFunc(ctx, func() { conn.Close() })
		defer stop()
		br := bufio.NewReader(conn)
		if _, err := br.ReadString('\n'); err != nil {
			conn.Close()
			return nil, err
		}
		fmt.Fprintf(conn, "a LOGIN %s %s\r\n", user, password)
		for {
			line, err := br.ReadString('\n')
			if err != nil {
				conn.Close()
				return nil, err
			}
			if strings.HasPrefix(line, "a ") {
				if !strings.HasPrefix(line, "a OK") {
					conn.Close()
					return nil, fmt.Errorf("signing in: %s", strings.TrimSpace(line))
				}
				return &greeted{Conn: conn, head: strings.NewReader("* PREAUTH ready\r\n"), br: br}, nil
			}
		}
	}
}

// greeted is a connection that begins with a greeting of our own.
type greeted struct {
	net.Conn
	head *strings.Reader
	br   *bufio.Reader
}

// Read implements net.Conn.
func (g *greeted) Read(p []byte) (int, error) {
	if g.head.Len() > 0 {
		return g.head.Read(p)
	}
	return g.br.Read(p)
}
