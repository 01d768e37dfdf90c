package imap

import (
	"errors"
	"fmt"
	"strings"
)

// ClientCommand is the head of a command that a client sends.
type ClientCommand struct {
	Tag  string
	Verb string // upper case, as "FETCH"
	Sub  string // upper case, the verb behind UID; else ""
}

// String returns "UID FETCH" or "FETCH".
func (c ClientCommand) String() string {
	if c.Sub != "" {
		return c.Verb + " " + c.Sub
	}
	return c.Verb
}

// LiteralAsk is a literal that a client has announced.
type LiteralAsk struct {
	Tag     string
	Size    int64
	NonSync bool // the client sends the bytes without waiting
}

// ErrVerbRefused is wrapped by the error for a command that Allow refused.
var ErrVerbRefused = errors.New("imap: command refused")

// ErrClientSyntax is wrapped by the error for bytes that are no strict IMAP.
var ErrClientSyntax = errors.New("imap: client does not speak strict IMAP")

// VerbScanner reads the bytes that a client sends to a server and names every
// command before any of its bytes is passed on. It is made for a client that
// may be hostile: it takes a strict subset of the grammar, on which servers
// cannot disagree, and refuses everything else for good.
//
//   - Lines end in CRLF; no other control character, no NUL anywhere but in
//     literals; tags and verbs of few letters; bounded lines.
//   - A literal stands at the start of an argument and at the end of a line.
//     Every literal is passed on as a synchronizing one, whatever the client
//     wrote, and the scanner stops there until the caller has seen the server
//     ask for it (Grant) or answer the command instead (Refuse). So a literal's
//     bytes, which are not looked at, reach the server only when the server
//     itself has said that it takes them for a literal. This is what makes it
//     impossible to hide a command in a literal that the server does not see
//     as one.
//   - AUTHENTICATE, STARTTLS and COMPRESS change what the bytes mean and are
//     refused whatever Allow says.
//
// A VerbScanner is not safe for concurrent use. Guard joins one with the
// server's direction.
type VerbScanner struct {
	allow   func(ClientCommand) error
	maxLine int
	maxLit  int64

	state   scanState
	head    []byte // of a command not yet allowed: held back
	cmd     ClientCommand
	line    int   // bytes of the present line
	size    int64 // of the literal being announced
	plus    bool
	left    int64 // bytes of a literal still to pass
	idle    bool  // the next line must be DONE
	idled   bool  // the server has ended IDLE by itself: DONE may still come
	discard bool  // the rest of a refused command: swallowed, not passed on
	dead    error
}

type scanState uint8

const (
	scanTag     scanState = iota
	scanVerb              // behind the tag
	scanSub               // behind UID
	scanStart             // at the start of an argument
	scanAtom              // inside of an atom
	scanEnd               // behind a string or literal: only SP, ")" or CR may come
	scanTilde             // behind "~" at the start of an argument
	scanQuoted            // inside of a quoted string
	scanEscape            // behind a backslash inside of it
	scanSize              // inside of {n
	scanPlus              // behind {n+
	scanBrace             // behind {n} : CR
	scanBraceLF           // LF behind it
	scanWait              // a literal waits for Grant or Refuse
	scanLiteral           // inside of a literal
	scanLF                // behind the CR that ends the command
)

// NewVerbScanner returns a scanner. allow is called once for each command, and
// an error from it ends the scanner. maxLine and maxLiteral bound a line
// without literals and one literal, in bytes; zero means 16 KiB and 1 GiB.
func NewVerbScanner(allow func(ClientCommand) error, maxLine int, maxLiteral int64) *VerbScanner {
	setDefault(&maxLine, maxScanLine)
	setDefault(&maxLiteral, maxScanLiteral)
	return &VerbScanner{allow: allow, maxLine: maxLine, maxLit: maxLiteral}
}

// Scan reads p, appends to out the bytes that may be passed on, and returns
// how many bytes of p it read. It reads all of p unless it stops at a literal:
// then Waiting tells which, and Scan reads nothing until Grant or Refuse. An
// error is final: the connection must be closed, and nothing more is passed on.
func (s *VerbScanner) Scan(out, p []byte) (passed []byte, n int, err error) {
	for n < len(p) && s.dead == nil && s.state != scanWait {
		if s.state == scanLiteral {
			take := int(min(s.left, int64(len(p)-n)))
			if !s.discard {
				out = append(out, p[n:n+take]...)
			}
			n += take
			if s.left -= int64(take); s.left == 0 {
				s.state = scanEnd
			}
			continue
		}
		out = s.step(out, p[n])
		n++
	}
	return out, n, s.dead
}

// Waiting returns the literal that waits for Grant or Refuse.
func (s *VerbScanner) Waiting() (LiteralAsk, bool) {
	return LiteralAsk{Tag: s.cmd.Tag, Size: s.size, NonSync: s.plus}, s.state == scanWait
}

// Grant says that the server has asked for the waiting literal.
func (s *VerbScanner) Grant() {
	if s.state == scanWait {
		s.beginLiteral()
	}
}

// IdleEnded says that the server has answered an IDLE before the client ended
// it: the client may send DONE, which crossed the answer, or a new command.
func (s *VerbScanner) IdleEnded() {
	if s.idle {
		s.idle, s.idled = false, true
	}
}

// Refuse says that the server has answered the command instead of asking for
// the literal. What the client still sends of it is swallowed.
func (s *VerbScanner) Refuse() {
	if s.state != scanWait {
		return
	}
	if !s.plus {
		s.next() // the client learns of it and starts anew
		return
	}
	s.discard = true
	s.beginLiteral()
}

func (s *VerbScanner) beginLiteral() {
	s.left = s.size
	s.line = 0
	s.state = scanLiteral
	if s.left == 0 {
		s.state = scanEnd
	}
}

// next prepares for the next command.
func (s *VerbScanner) next() {
	s.state, s.head, s.line = scanTag, s.head[:0], 0
	s.cmd, s.discard = ClientCommand{}, false
}

func (s *VerbScanner) refuse(why string) {
	s.dead = fmt.Errorf("%w: %s", ErrClientSyntax, why)
}

// step takes one byte that is not of a literal.
func (s *VerbScanner) step(out []byte, c byte) []byte {
	if s.line++; s.line > s.maxLine {
		s.refuse("line too long")
		return out
	}
	switch s.state {
	case scanTag, scanVerb, scanSub:
		return s.stepHead(out, c)
	case scanSize, scanPlus, scanBrace, scanBraceLF:
		return s.stepMarker(out, c)
	}
	s.stepArgument(c)
	if s.dead != nil || s.discard && s.state != scanTag {
		return out
	}
	if s.state == scanTag { // the command is over
		over := s.discard
		s.next()
		if over {
			return out
		}
	}
	if s.state == scanSize { // the brace is held back until the marker is whole
		return out
	}
	return append(out, c)
}

// stepHead reads tag and verbs, holding them back.
func (s *VerbScanner) stepHead(out []byte, c byte) []byte {
	s.head = append(s.head, c)
	switch {
	case isTagChar(c) && len(s.head) <= maxScanHead:
		return out
	case c == ' ' && s.state == scanTag && len(s.head) > 1 && !s.idle:
		s.cmd.Tag = string(s.head[:len(s.head)-1])
		s.state = scanVerb
		return out
	case c == '\r' && s.state == scanTag && (s.idle || s.idled) && string(s.head) == "DONE\r":
		s.idle, s.idled = false, false
		s.state = scanLF
		return s.release(out)
	case (c == ' ' || c == '\r') && s.state != scanTag:
		return s.verbEnds(out, c)
	}
	s.refuse("bad start of a command")
	return out
}

// verbEnds takes the space or CR behind a verb.
func (s *VerbScanner) verbEnds(out []byte, c byte) []byte {
	words := strings.Split(string(s.head[:len(s.head)-1]), " ")
	word := strings.ToUpper(words[len(words)-1])
	if word == "" {
		s.refuse("no verb")
		return out
	}
	if s.state == scanVerb {
		s.cmd.Verb = word
		if word == "UID" {
			s.state = scanSub
			if c == '\r' {
				s.refuse("UID without a verb")
			}
			return out
		}
	} else {
		s.cmd.Sub = word
	}
	if !s.permitted() {
		return out
	}
	s.idle, s.idled = s.cmd.Verb == "IDLE", false
	s.state = scanStart
	if c == '\r' {
		s.state = scanLF
	} else if s.idle {
		s.refuse("IDLE with arguments")
		return out
	}
	return s.release(out)
}

func (s *VerbScanner) permitted() bool {
	switch s.cmd.Verb {
	case "AUTHENTICATE", "STARTTLS", "COMPRESS":
		s.dead = fmt.Errorf("%w: %s", ErrVerbRefused, s.cmd.Verb)
		return false
	}
	if err := s.allow(s.cmd); err != nil {
		s.dead = fmt.Errorf("%w: %w", ErrVerbRefused, err)
		return false
	}
	return true
}

func (s *VerbScanner) release(out []byte) []byte {
	out = append(out, s.head...)
	s.head = s.head[:0]
	return out
}

// stepArgument reads one byte of the arguments.
func (s *VerbScanner) stepArgument(c byte) {
	switch s.state {
	case scanQuoted:
		s.stepQuoted(c)
		return
	case scanEscape:
		if c != '"' && c != '\\' {
			s.refuse("bad escape in a quoted string")
		}
		s.state = scanQuoted
		return
	case scanLF:
		if c != '\n' {
			s.refuse("CR without LF")
		}
		s.state = scanTag
		return
	}
	switch {
	case c == '\r':
		s.state = scanLF
	case c < ' ' || c >= 0x7f:
		s.refuse("control or 8-bit character outside of a string")
	case c == ' ':
		s.state = scanStart
	case c == ')':
		s.state = scanEnd
	case s.state == scanEnd:
		if c != ']' { // BODY[HEADER.FIELDS (X)] goes on behind its list
			s.refuse("no space behind a string or list")
		}
		s.state = scanAtom
	case c == '(':
		s.state = scanStart
	case c == '"':
		if s.state != scanStart {
			s.refuse("quote inside of an atom")
		}
		s.state = scanQuoted
	case c == '{':
		if s.state != scanStart && s.state != scanTilde {
			s.refuse("brace inside of an atom")
		}
		s.state, s.size, s.plus = scanSize, -1, false
	case c == '~' && s.state == scanStart:
		s.state = scanTilde
	default:
		s.state = scanAtom
	}
}

func (s *VerbScanner) stepQuoted(c byte) {
	switch c {
	case '"':
		s.state = scanEnd
	case '\\':
		s.state = scanEscape
	case '\r', '\n', 0:
		s.refuse("line end or NUL in a quoted string")
	}
}

// stepMarker reads what stands between "{" and the end of its line, and passes
// it on as a synchronizing marker.
func (s *VerbScanner) stepMarker(out []byte, c byte) []byte {
	switch {
	case s.state == scanSize && c >= '0' && c <= '9':
		if s.size < 0 {
			s.size = 0
		} else if s.size == 0 {
			s.refuse("leading zero in a literal's size")
			return out
		}
		if s.size = s.size*10 + int64(c-'0'); s.size > s.maxLit {
			s.refuse("literal too large")
		}
	case s.state == scanSize && c == '+' && s.size >= 0:
		s.plus, s.state = true, scanPlus
	case (s.state == scanSize || s.state == scanPlus) && c == '}' && s.size >= 0:
		s.state = scanBrace
	case s.state == scanBrace && c == '\r':
		s.state = scanBraceLF
	case s.state == scanBraceLF && c == '\n':
		return s.announce(out)
	default:
		s.refuse("bad literal")
	}
	return out
}

// announce passes the whole marker on and waits for the server.
func (s *VerbScanner) announce(out []byte) []byte {
	if s.discard {
		if !s.plus {
			s.refuse("synchronizing literal in a refused command")
			return out
		}
		s.beginLiteral()
		return out
	}
	s.state = scanWait
	return fmt.Appendf(out, "{%d}\r\n", s.size)
}

func isTagChar(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || c == '-' || c == '.' || c == '_'
}

// AllowMailVerbs is an Allow for a mail reader: it takes the commands that
// read, file, flag, search and append, and refuses every other verb: rights
// (SETACL), annotations (SETMETADATA), URLs that open mail to others
// (GENURLAUTH), quota setting, logins, EXPUNGE and CLOSE without uids, and
// whatever it does not know.
func AllowMailVerbs(c ClientCommand) error {
	switch c.Verb {
	case "CAPABILITY", "NOOP", "LOGOUT", "ENABLE", "ID", "NAMESPACE", "IDLE", "NOTIFY",
		"SELECT", "EXAMINE", "UNSELECT", "CHECK", "LIST", "LSUB", "STATUS",
		"CREATE", "DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE", "APPEND",
		"SEARCH", "ESEARCH", "SORT", "THREAD", "CANCELUPDATE", "FETCH",
		"GETQUOTA", "GETQUOTAROOT", "GETMETADATA", "MYRIGHTS":
		return nil
	case "UID":
		switch c.Sub {
		case "FETCH", "STORE", "SEARCH", "SORT", "THREAD", "COPY", "MOVE", "EXPUNGE":
			return nil
		}
	}
	// The verb is the client's text, bounded and of few characters: fit for logs.
	return fmt.Errorf("verb %s is not among those of a mail reader", c)
}
