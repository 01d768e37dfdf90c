package system

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/smtp"
	"strings"
	"time"

	"cofferdam/e2e/platform"
)

// What a mail server does with large mails slows a list on the same machine too,
// whoever hands them in. So a drill also measures lists while the same mails go to it
// by bare IMAP and SMTP, as often and as fast as ours went.
const (
	floorMails = 5
	floorRate  = 20 << 20 // bytes a second, as two cells let through
	floorStep  = 64 << 10
)

// largeMail is what attachAndSend's mail is like on the wire.
func largeMail(from, to string, size int) []byte {
	data := make([]byte, size)
	rand.NewChaCha8([32]byte{255}).Read(data)
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: <%s>\r\nTo: <%s>\r\nSubject: floor\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n", from, to)
	text := base64.StdEncoding.EncodeToString(data)
	for ; len(text) > 76; text = text[76:] {
		b.WriteString(text[:76])
		b.WriteString("\r\n")
	}
	b.WriteString(text + "\r\n")
	return b.Bytes()
}

// slowly writes in steps, at floorRate.
func slowly(w io.Writer, data []byte) error {
	began := time.Now()
	for at := 0; at < len(data); at += floorStep {
		if _, err := w.Write(data[at:min(at+floorStep, len(data))]); err != nil {
			return err
		}
		time.Sleep(time.Until(began.Add(time.Duration(at) * time.Second / floorRate)))
	}
	return nil
}

// fileAndSubmit files a mail in a person's mailbox and sends it, without us.
func fileAndSubmit(ctx context.Context, p *platform.Platform, from platform.User, to string, mail []byte) error {
	if err := fileSlowly(ctx, p, from, mail); err != nil {
		return fmt.Errorf("filing: %w", err)
	}
	conn, err := (&tls.Dialer{Config: p.TLS()}).DialContext(ctx, "tcp", p.Submissions)
	if err != nil {
		return err
	}
	host, _, err := net.SplitHostPort(p.Submissions)
	if err != nil {
		return err
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Auth(smtp.PlainAuth("", from.Login, from.Password, host)); err != nil {
		return err
	}
	if err := c.Mail(from.Login); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if err := slowly(w, mail); err != nil {
		return err
	}
	return w.Close()
}

func fileSlowly(ctx context.Context, p *platform.Platform, u platform.User, mail []byte) error {
	conn, err := (&tls.Dialer{Config: p.TLS()}).DialContext(ctx, "tcp", p.IMAPS)
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	if _, err := fmt.Fprintf(conn, "a LOGIN %s %q\r\n", u.Login, u.Password); err != nil {
		return err
	}
	if err := untilTagged(in, "a "); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(conn, "b APPEND Drafts {%d+}\r\n", len(mail)); err != nil {
		return err
	}
	if err := slowly(conn, mail); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, "\r\n"); err != nil {
		return err
	}
	return untilTagged(in, "b ")
}

// untilTagged reads up to the end of a command, which must be well.
func untilTagged(in *bufio.Reader, tag string) error {
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		if rest, ok := strings.CutPrefix(line, tag); ok {
			if !strings.HasPrefix(rest, "OK") {
				return fmt.Errorf("the server says %s", line)
			}
			return nil
		}
	}
}
