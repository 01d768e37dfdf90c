package managesieve

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Script is one line of LISTSCRIPTS.
type Script struct {
	Name   string
	Active bool
}

// ValidName reports whether each server must take s as the name of a script (RFC
// 5804, section 1.6).
func ValidName(s string) bool {
	return s != "" && len(s) <= MaxName && utf8.ValidString(s) && utf8.RuneCountInString(s) <= 128 &&
		!strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == 0x2028 || r == 0x2029 })
}

// name writes the name of a script. One that a server gave us is written as it is;
// it must only not break the line.
func name(s string) ([]byte, error) {
	if s == "" || len(s) > MaxString || strings.ContainsAny(s, "\x00") {
		return nil, ErrName
	}
	return text(s), nil
}

// text writes a string, quoted if that can be.
func text(s string) []byte {
	if len(s) > maxQuoted/2 || strings.ContainsAny(s, "\r\n\x00") {
		return fmt.Appendf(nil, " {%d+}\r\n%s", len(s), s)
	}
	return []byte(` "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`)
}

// List lists the person's scripts.
func (c *Conn) List(ctx context.Context) ([]Script, error) {
	res, err := c.command(ctx, "LISTSCRIPTS", nil)
	if err != nil {
		return nil, err
	}
	list := make([]Script, 0, len(res.lines))
	for _, line := range res.lines {
		s := Script{Name: line[0].text}
		for _, it := range line[1:] {
			s.Active = s.Active || it.atom && strings.EqualFold(it.text, "ACTIVE")
		}
		list = append(list, s)
	}
	return list, nil
}

// Get reads a script.
func (c *Conn) Get(ctx context.Context, script string) (string, error) {
	n, err := name(script)
	if err != nil {
		return "", err
	}
	res, err := c.command(ctx, "GETSCRIPT", n)
	if err != nil {
		return "", err
	}
	if len(res.lines) != 1 || len(res.lines[0]) != 1 {
		c.broken = true
		return "", broken("GETSCRIPT was not answered by one string")
	}
	return res.lines[0][0].text, nil
}

// Put stores a script, over one of the same name. warnings is what the server
// has to say of a script that it took.
func (c *Conn) Put(ctx context.Context, script, content string) (warnings string, err error) {
	n, err := name(script)
	if err != nil {
		return "", err
	}
	return warningsOf(c.command(ctx, "PUTSCRIPT", append(n, literal(content)...)))
}

// Check asks whether a script is valid, storing nothing. A server from before RFC
// 5804 cannot: errors.ErrUnsupported.
func (c *Conn) Check(ctx context.Context, content string) (warnings string, err error) {
	if c.caps.Version == "" {
		return "", errors.ErrUnsupported
	}
	return warningsOf(c.command(ctx, "CHECKSCRIPT", literal(content)))
}

func warningsOf(res *response, err error) (string, error) {
	if err != nil || res.status.code != "WARNINGS" {
		return "", err
	}
	return res.status.text, nil
}

// literal writes a script. An empty one is refused by servers, in their words.
func literal(s string) []byte { return fmt.Appendf(nil, " {%d+}\r\n%s", len(s), s) }

// HaveSpace asks whether a script of that many bytes would fit.
func (c *Conn) HaveSpace(ctx context.Context, script string, size int) error {
	n, err := name(script)
	if err != nil {
		return err
	}
	_, err = c.command(ctx, "HAVESPACE", fmt.Appendf(n, " %d", size))
	return err
}

// SetActive makes a script the one that filters mail; "" makes none.
func (c *Conn) SetActive(ctx context.Context, script string) error {
	n := []byte(` ""`)
	if script != "" {
		var err error
		if n, err = name(script); err != nil {
			return err
		}
	}
	_, err := c.command(ctx, "SETACTIVE", n)
	return err
}

// Delete deletes a script that is not active.
func (c *Conn) Delete(ctx context.Context, script string) error {
	n, err := name(script)
	if err != nil {
		return err
	}
	_, err = c.command(ctx, "DELETESCRIPT", n)
	return err
}

// Rename renames a script, which stays active if it is. On a server from before
// RFC 5804 it copies and deletes, as section 2.11 says; what broke off in between
// leaves both.
func (c *Conn) Rename(ctx context.Context, from, to string) error {
	if c.caps.Version == "" {
		return c.renameByCopy(ctx, from, to)
	}
	a, err := name(from)
	if err != nil {
		return err
	}
	b, err := name(to)
	if err != nil {
		return err
	}
	_, err = c.command(ctx, "RENAMESCRIPT", append(a, b...))
	return err
}

func (c *Conn) renameByCopy(ctx context.Context, from, to string) error {
	list, err := c.List(ctx)
	if err != nil {
		return err
	}
	active := false
	for _, s := range list {
		if s.Name == to {
			return &Refusal{Code: "ALREADYEXISTS"}
		}
		active = active || s.Name == from && s.Active
	}
	content, err := c.Get(ctx, from)
	if err != nil {
		return err
	}
	if _, err := c.Put(ctx, to, content); err != nil {
		return err
	}
	if active {
		if err := c.SetActive(ctx, to); err != nil {
			return err
		}
	}
	return c.Delete(ctx, from)
}
