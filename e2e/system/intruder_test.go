package system

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"cofferdam/e2e/platform"
	"cofferdam/internal/breakin"
	"cofferdam/internal/ipc"
)

// A capability as keeper makes it: 25 bytes stand before the session's hash, 48
// after it (internal/keeper/capability.go).
const capBefore, capAfter = 25, 48

// intruder sits in one running role.
type intruder struct {
	t      *testing.T
	server *Server
	role   string
}

// in is an intruder in another role of the same server.
func (i intruder) in(role string) intruder { return intruder{i.t, i.server, role} }

// twoCells signs people in until two of them are in different cells.
func twoCells(t *testing.T, s *Server, p *platform.Platform) (ada, grace *Person, adaCell, graceCell intruder) {
	t.Helper()
	homes := map[string]*Person{}
	first, second := intruder{t, s, "cell/0"}, intruder{t, s, "cell/1"}
	for _, u := range p.Users {
		one := s.Browser(u.Login)
		t.Cleanup(one.Close)
		if err := one.SignIn(t.Context(), u.Password); err != nil {
			t.Fatal(err)
		}
		if _, err := one.Mailboxes(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, i := range []intruder{first, second} {
			if len(i.capabilities(one)) > 0 {
				homes[i.role] = one
			}
		}
		if len(homes) == 2 {
			return homes[first.role], homes[second.role], first, second
		}
	}
	t.Fatal("everybody is in one cell")
	return nil, nil, first, second
}

// capabilities are those of a person's session in the memory of the cell.
func (i intruder) capabilities(p *Person) [][]byte {
	i.t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(p.Cookie())
	if err != nil || len(raw) < 16 {
		i.t.Fatalf("cookie: %v", err)
	}
	hash := sha256.Sum256(raw[:16])
	found, err := FindIn(i.server.Roles()[i.role], hash[:], capBefore, capAfter)
	if err != nil {
		i.t.Fatal(err)
	}
	return slices.DeleteFunc(found, func(b []byte) bool { return b[0] != 1 || b[1] != 0 || b[2] != 0 })
}

// capability is the newest: a cell that was started again may have been given the
// person twice, under two fences. Of several with one fence it is the one that
// stands there most often: memory holds damaged copies, too, half overwritten.
func (i intruder) capability(p *Person) []byte {
	i.t.Helper()
	all := i.capabilities(p)
	if len(all) == 0 {
		i.t.Fatalf("no capability in the memory of %s", i.role)
	}
	const fence = 1 + 8 + 16 + 32
	times := map[string]int{}
	for _, b := range all {
		times[string(b)]++
	}
	return slices.MaxFunc(all, func(a, b []byte) int {
		return cmp.Or(bytes.Compare(a[fence:fence+8], b[fence:fence+8]), cmp.Compare(times[string(a)], times[string(b)]))
	})
}

// put writes a record with a capability and returns status and answer.
func (i intruder) put(capability []byte, class, id string, revision int64) string {
	body, err := json.Marshal(ipc.RecordPut{Auth: ipc.Auth{Capability: capability},
		Record: ipc.Record{Class: class, ID: []byte(id), Revision: revision, Generation: 1, Data: []byte("sealed")}})
	if err != nil {
		i.t.Fatal(err)
	}
	return i.order("call", breakin.Order{Line: "keeper", Path: ipc.KeeperRecordPut, Body: body})
}

// list reads the person's records of a class.
func (i intruder) list(capability []byte) string {
	body, err := json.Marshal(ipc.RecordList{Auth: ipc.Auth{Capability: capability}, Class: "mail", Limit: 10})
	if err != nil {
		i.t.Fatal(err)
	}
	return i.order("call", breakin.Order{Line: "keeper", Path: ipc.KeeperRecordList, Body: body})
}

// imap opens a pipe with a capability and says text in it.
func (i intruder) imap(capability []byte, text string) string {
	return i.order("pipe", breakin.Order{Line: "porter", Path: ipc.PorterIMAP, Say: text,
		Header: map[string]string{ipc.HeaderCapability: base64.RawURLEncoding.EncodeToString(capability)}})
}

// submit hands over a mail with an envelope sender.
func (i intruder) submit(capability []byte, from string) string {
	env, err := json.Marshal(ipc.SubmitEnvelope{From: from, To: []ipc.SubmitRcpt{{Address: from}}})
	if err != nil {
		i.t.Fatal(err)
	}
	return i.order("call", breakin.Order{Line: "porter", Path: ipc.PorterSubmit, Body: []byte("Subject: x\r\n\r\nx\r\n"), Header: map[string]string{
		ipc.HeaderCapability: base64.RawURLEncoding.EncodeToString(capability), ipc.HeaderEnvelope: base64.RawURLEncoding.EncodeToString(env)}})
}

// order has the intruder do something, and returns status and text of what came
// back.
func (i intruder) order(what string, o breakin.Order) string {
	i.t.Helper()
	status, text := i.say(what, o)
	if status != http.StatusOK {
		i.t.Fatalf("the intruder in %s did not answer: %d %s", i.role, status, text)
	}
	var heard breakin.Heard
	if err := json.Unmarshal(text, &heard); err != nil {
		i.t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", heard.Status, heard.Text)
}

// reach looks for a line of the role and says something on it.
func (i intruder) reach(peer string) string {
	i.t.Helper()
	switch status, text := i.say("call", breakin.Order{Line: peer, Path: "/breakin/nothing"}); {
	case status == http.StatusOK:
		return reached + " " + peer
	case status == http.StatusNotFound:
		return noLine + ": " + string(text)
	default:
		return fmt.Sprintf("%d %s", status, text)
	}
}

func (i intruder) say(what string, o breakin.Order) (int, []byte) {
	i.t.Helper()
	ctx, cancel := context.WithTimeout(i.t.Context(), attemptTime)
	defer cancel()
	status, text, err := i.server.order(ctx, i.role, what, o)
	if err != nil {
		i.t.Fatalf("the intruder in %s did not answer: %v", i.role, err)
	}
	return status, text
}
