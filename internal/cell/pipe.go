package cell

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"

	"cofferdam/internal/ipc"
)

// dialIMAP asks porter for an authenticated IMAP connection of a person. It is
// greeted with PREAUTH. Once no capability is left the error is net.ErrClosed:
// only gate can bring another, with the next request, for which the person waits.
func (c *Cell) dialIMAP(ctx context.Context, p *person) (net.Conn, error) {
	capability, err := c.people.capability(p)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", net.ErrClosed, err)
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, err := c.porterLine.Dial(ctx)
	if err != nil {
		return nil, err
	}
	pipe, err := upgrade(ctx, conn, capability)
	if err != nil {
		conn.Close()
		c.noteRefusal(p, capability, err)
		if _, none := c.people.capability(p); none != nil {
			return nil, fmt.Errorf("%w: %w", net.ErrClosed, err)
		}
		return nil, err
	}
	return pipe, nil
}

// noteRefusal drops a capability that porter or keeper does not know.
func (c *Cell) noteRefusal(p *person, capability []byte, err error) {
	switch code := ipc.CodeOf(err); code {
	case ipc.CodeUnknown, ipc.CodeFenced, ipc.CodeExpired:
		c.people.refused(p, capability, code)
	}
}

func upgrade(ctx context.Context, conn net.Conn, capability []byte) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	_, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: line\r\nConnection: Upgrade\r\nUpgrade: imap\r\n%s: %s\r\n\r\n",
		ipc.PorterIMAP, ipc.HeaderCapability, base64.RawURLEncoding.EncodeToString(capability))
	if err != nil {
		return nil, ipc.Errorf(ipc.CodeUnavailable, "porter does not answer")
	}
	br := bufio.NewReader(conn)
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		return nil, ipc.Errorf(ipc.CodeUnavailable, "porter does not answer")
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		defer resp.Body.Close()
		return nil, ipc.ReadError(resp)
	}
	return &pipe{Conn: conn, r: br}, nil
}

// pipe reads first what came along with porter's answer.
type pipe struct {
	net.Conn
	r *bufio.Reader
}

func (p *pipe) Read(b []byte) (int, error) {
	if p.r == nil {
		return p.Conn.Read(b)
	}
	if p.r.Buffered() == 0 {
		p.r = nil
		return p.Conn.Read(b)
	}
	return p.r.Read(b)
}

// submit hands one mail to porter.
func (c *Cell) submit(ctx context.Context, p *person, env ipc.SubmitEnvelope, body io.Reader) (ipc.Submitted, error) {
	var out ipc.Submitted
	capability, err := c.people.capability(p)
	if err != nil {
		return out, err
	}
	ctx, cancel := context.WithTimeout(ctx, submitTime)
	defer cancel()
	r, err := submitRequest(ctx, capability, env, c.lane.through(ctx, goingOut, body))
	if err != nil {
		return out, err
	}
	resp, err := c.porter.RoundTrip(r)
	if err != nil {
		// The request may have reached porter, and the mail the server.
		return out, ipc.Errorf(ipc.CodeUncertain, "porter broke off")
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		err := ipc.ReadError(resp)
		c.noteRefusal(p, capability, err)
		return out, err
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, ipc.MaxCallBody))
	if err == nil {
		err = ipc.Decode(data, &out)
	}
	if err != nil {
		return out, ipc.Errorf(ipc.CodeUncertain, "porter broke off")
	}
	return out, nil
}
