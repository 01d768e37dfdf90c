package roles_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"cofferdam/internal/ipc"
)

// TestHostileCell is what a cell with an intruder in it can try on the lines that
// it has: another person's records, pipes and mail, with stolen, stale and forged
// capabilities, and writes under an old fence (issue: "must show" 4).
func TestHostileCell(t *testing.T) {
	h := newHouse(t)
	ada, grace := h.mustSignIn(0), h.mustSignIn(1)
	mine, other := ada.Grant.Cell, "cell/0"
	if mine == other {
		other = "cell/1"
	}
	capability := ada.Grant.Capability
	forged := bytes.Clone(capability)
	forged[20] ^= 1 // another uid
	oldFence := bytes.Clone(capability)

	if err := h.put(mine, capability, "mine", 1); err != nil {
		t.Fatalf("control: an honest write: %v", err)
	}
	if _, err := h.pipe(mine, capability); err != nil {
		t.Fatalf("control: an honest pipe: %v", err)
	}
	table := []struct {
		what string
		err  error
		want []ipc.Code
	}{
		{"record with a forged capability", h.put(mine, forged, "a", 1), []ipc.Code{ipc.CodeForbidden}},
		{"record with a capability stolen from another cell", h.put(other, capability, "b", 1), []ipc.Code{ipc.CodeForbidden}},
		{"record with no capability", h.put(mine, nil, "c", 1), []ipc.Code{ipc.CodeForbidden}},
		{"record of class auth", putClass(h, mine, capability, "auth"), []ipc.Code{ipc.CodeForbidden}},
		{"pipe with a forged capability", second(h.pipe(mine, forged)), []ipc.Code{ipc.CodeUnknown}},
		{"pipe with a stolen capability", second(h.pipe(other, capability)), []ipc.Code{ipc.CodeForbidden}},
		{"mail from somebody else", h.submit(mine, capability, grace.Grant.Login, ada.Grant.Login), []ipc.Code{ipc.CodeForbidden}},
		{"mail with a line break in the sender", h.submit(mine, capability, ada.Grant.Login+"\r\nRCPT TO:<x@y.test>", ada.Grant.Login), []ipc.Code{ipc.CodeForbidden}},
		{"mail with a line break in a recipient", h.submit(mine, capability, ada.Grant.Login, "x@y.test>\r\nDATA"), []ipc.Code{ipc.CodeInvalid}},
		{"mail with a stolen capability", h.submit(other, capability, ada.Grant.Login, ada.Grant.Login), []ipc.Code{ipc.CodeForbidden}},
		{"mail to more than the hour's recipients", h.submit(mine, capability, ada.Grant.Login, strings.Split(strings.Repeat("x@cofferdam.test,", 6), ",")[:6]...), []ipc.Code{ipc.CodeThrottled}},
	}
	// The person changes hands: the lease gets a new fence.
	h.mu.Lock()
	h.refuse = true
	h.mu.Unlock()
	g, err := h.openSession(ada.Key, capability)
	if err != nil {
		t.Fatal(err)
	}
	table = append(table, []struct {
		what string
		err  error
		want []ipc.Code
	}{
		{"record under the old fence", h.put(mine, oldFence, "d", 1), []ipc.Code{ipc.CodeFenced}},
		{"pipe under the old fence", second(h.pipe(mine, oldFence)), []ipc.Code{ipc.CodeUnknown, ipc.CodeFenced}},
	}...)
	if err := h.put(g.Cell, g.Capability, "e", 1); err != nil {
		t.Errorf("control: the new owner cannot write: %v", err)
	}
	for _, row := range table {
		wantCode(t, row.what, row.err, row.want...)
		t.Logf("%-50s refused: %s", row.what, ipc.CodeOf(row.err))
	}
}

func second(_ string, err error) error { return err }

func putClass(h *house, cell string, capability []byte, class string) error {
	_, err := ipc.Call[ipc.RecordMark](h.t.Context(), h.cells[cell], ipc.KeeperRecordPut, ipc.RecordPut{Auth: ipc.Auth{Capability: capability},
		Record: ipc.Record{Class: class, ID: []byte("x"), Revision: 1, Generation: 1, Data: []byte("x")}})
	return err
}

func (h *house) submit(cell string, capability []byte, from string, to ...string) error {
	env := ipc.SubmitEnvelope{From: from}
	for _, a := range to {
		env.To = append(env.To, ipc.SubmitRcpt{Address: a})
	}
	text, err := json.Marshal(env)
	if err != nil {
		h.t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, "http://line"+ipc.PorterSubmit, strings.NewReader(fmt.Sprintf("From: %s\r\nSubject: x\r\n\r\nx\r\n", from)))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set(ipc.HeaderCapability, base64.RawURLEncoding.EncodeToString(capability))
	r.Header.Set(ipc.HeaderEnvelope, base64.RawURLEncoding.EncodeToString(text))
	resp, err := ipc.NewClient(h.lines[cell]).RoundTrip(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return ipc.ReadError(resp)
}

// TestHostileIMAP is what a cell can try inside of a pipe.
func TestHostileIMAP(t *testing.T) {
	h := newHouse(t)
	ada := h.mustSignIn(0)
	for _, line := range []string{
		"a SETACL INBOX grace lrswipkxtea",
		"a SETMETADATA INBOX (/shared/x y)",
		"a AUTHENTICATE PLAIN",
		"a LOGIN grace secret",
		"a GENURLAUTH x INTERNAL",
		"a DELETEACL INBOX grace",
		"a COMPRESS DEFLATE",
		"a STARTTLS",
		"a EXPUNGE",
		"a NOOP {20+}\r\na SETACL INBOX g l\r\n\r\nb SETACL INBOX g l",
		"a SELECT {5}\r\nb SETACL INBOX g l",
	} {
		answer := h.say(ada.Grant.Cell, ada.Grant.Capability, line+"\r\n")
		if !strings.Contains(answer, "BYE") {
			t.Errorf("%q was answered %q", line, answer)
			continue
		}
		t.Logf("%-45q refused", line)
	}
	if answer := h.say(ada.Grant.Cell, ada.Grant.Capability, "a NOOP\r\n"); !strings.Contains(answer, "a OK") {
		t.Errorf("control: an honest command was answered %q", answer)
	}
}
