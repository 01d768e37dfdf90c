package submission

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// EnhancedStatus is a class.subject.detail code of RFC 3463; zero where the
// server gave none.
type EnhancedStatus struct {
	Class, Subject, Detail int
}

// String returns the dotted form, "" for the zero value.
func (s EnhancedStatus) String() string {
	if s.Class == 0 {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d", s.Class, s.Subject, s.Detail)
}

// Reply is one answer of the server.
type Reply struct {
	Code   int
	Status EnhancedStatus
	// Text has the lines joined by "\n", without codes. Control and invalid
	// characters are replaced; it is still the server's text: show it as text.
	Text string
}

// OK reports a positive completion (2yz).
func (r Reply) OK() bool { return r.Code/100 == 2 }

// lines returns the lines of Text.
func (r Reply) lines() []string { return strings.Split(r.Text, "\n") }

// readReply reads one reply (RFC 5321, section 4.2). Errors that wrap
// ErrProtocol mean that the conversation can no longer be followed.
func readReply(br *bufio.Reader) (Reply, error) {
	var code int
	var lines []string
	for {
		line, err := readReplyLine(br)
		if err != nil {
			return Reply{}, err
		}
		c, more, text, err := splitReplyLine(line)
		if err != nil {
			return Reply{}, err
		}
		if code != 0 && c != code {
			return Reply{}, fmt.Errorf("%w: reply codes differ in one reply", ErrProtocol)
		}
		if len(lines) == MaxReplyLines {
			return Reply{}, fmt.Errorf("%w: reply of more than %d lines", ErrProtocol, MaxReplyLines)
		}
		code, lines = c, append(lines, text)
		if !more {
			return makeReply(code, lines), nil
		}
	}
}

// readReplyLine reads a line without its end. A bare LF ends a line as well:
// no harm can come of it in this direction.
func readReplyLine(br *bufio.Reader) ([]byte, error) {
	line, err := br.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, fmt.Errorf("%w: reply line longer than %d bytes", ErrProtocol, MaxReplyLine)
	}
	if err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")), nil
}

// splitReplyLine splits "250-text" and says whether more lines follow.
func splitReplyLine(line []byte) (code int, more bool, text string, err error) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || !isDigit(line[1]) || !isDigit(line[2]) {
		return 0, false, "", fmt.Errorf("%w: reply without code", ErrProtocol)
	}
	code = int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	if len(line) == 3 {
		return code, false, "", nil
	}
	if line[3] != ' ' && line[3] != '-' {
		return 0, false, "", fmt.Errorf("%w: reply code not followed by a space", ErrProtocol)
	}
	return code, line[3] == '-', string(line[4:]), nil
}

// makeReply takes the enhanced status off the lines (RFC 2034, section 4: each
// line of a reply bears it).
func makeReply(code int, lines []string) Reply {
	r := Reply{Code: code}
	for i, line := range lines {
		word, rest, _ := strings.Cut(line, " ")
		st, ok := parseStatus(word)
		if ok && st.Class == code/100 && (i == 0 || st == r.Status) {
			r.Status, line = st, rest
		}
		lines[i] = cleanText(line)
	}
	r.Text = strings.Join(lines, "\n")
	return r
}

// parseStatus reads class "." subject "." detail (RFC 3463, section 2).
func parseStatus(s string) (EnhancedStatus, bool) {
	var n [3]int
	for i := range n {
		part, rest, more := strings.Cut(s, ".")
		v, err := strconv.ParseUint(part, 10, 16)
		if err != nil || len(part) > 3 || more != (i < 2) {
			return EnhancedStatus{}, false
		}
		n[i], s = int(v), rest
	}
	ok := n[0] == 2 || n[0] == 4 || n[0] == 5
	return EnhancedStatus{n[0], n[1], n[2]}, ok
}

// cleanText replaces what must not reach a log line or a screen.
func cleanText(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar || unicode.Is(unicode.Bidi_Control, r) {
			return '\ufffd'
		}
		return r
	}, s)
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }
