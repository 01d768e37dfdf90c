package jmapserver_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmapserver"
	"cofferdam/internal/jmapserver/jmapservertest"
)

// meddled is an account in which something happens before the second EmailSet of
// a request.
type meddled struct {
	*jmapservertest.Account
	sets   int
	before func() error
}

func (m *meddled) EmailSet(ctx context.Context, set *jmap.EmailSet) (jmap.EmailSetResult, error) {
	if m.sets++; m.sets == 2 {
		if err := m.before(); err != nil {
			return jmap.EmailSetResult{}, err
		}
	}
	return m.Account.EmailSet(ctx, set)
}

const createAndChange = `{"using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail"],"methodCalls":[
	["Email/set",{"accountId":"a1","create":{"k":{"mailboxIds":{"Md":true}}},"update":{"#k":{"keywords/$draft":true}}},"0"]]}`

// Between oldState and newState lies nothing but what the client did: if another
// client came in between, there is no oldState (RFC 8620, section 5.3: null if
// the server doesn't know).
func TestSetForeignChange(t *testing.T) {
	w := newWorld(t, jmapserver.Limits{})
	w.person.Accounts = []jmapserver.Account{&meddled{Account: w.a, before: func() error { w.a.Touch("e1", "x"); return nil }}}
	if _, body := w.post(createAndChange); !strings.Contains(string(body), `"oldState":null,"newState":"s13"`) {
		t.Errorf("%s", body)
	}
	w = newWorld(t, jmapserver.Limits{})
	w.person.Accounts = []jmapserver.Account{&meddled{Account: w.a, before: func() error { return nil }}}
	if _, body := w.post(createAndChange); !strings.Contains(string(body), `"oldState":"s10","newState":"s12"`) {
		t.Errorf("%s", body)
	}
}

// RFC 8620, section 3.6.2: only serverPartialFail may leave something changed.
func TestSetPartialFail(t *testing.T) {
	w := newWorld(t, jmapserver.Limits{})
	w.person.Accounts = []jmapserver.Account{&meddled{Account: w.a, before: func() error { return jmap.ServerUnavailable }}}
	if _, body := w.post(createAndChange); !strings.Contains(string(body), `["error",{"type":"serverPartialFail"`) {
		t.Errorf("%s", body)
	}
}

// If the mail is on its way and its Email cannot be moved, the submission stands
// and the error follows it: a client that believed it had failed would send the
// mail twice.
func TestSubmissionStandsAlone(t *testing.T) {
	w := newWorld(t, jmapserver.Limits{})
	w.person.Accounts = []jmapserver.Account{&meddled{Account: w.a, sets: 1, before: func() error { return errors.New("over quota at Sent") }}}
	_, body := w.post(`{"using":` + allCapabilities + `,"methodCalls":[["EmailSubmission/set",{"accountId":"a1","create":{"s":{"identityId":"I1","emailId":"e1"}},"onSuccessUpdateEmail":{"#s":{"keywords/$draft":null}}},"0"],["Core/echo",{},"1"]]}`)
	created, failed, next := strings.Index(string(body), `"created":{"s":{"id":"S-new1"`), strings.Index(string(body), `["error",{"type":"serverFail"`), strings.Index(string(body), `["Core/echo",{},"1"]`)
	if created < 0 || failed < created || next < failed {
		t.Errorf("%s", body)
	}
}

// stuck is an account that answers when its context ends.
type stuck struct{ jmapserver.Account }

func (s stuck) MailboxGet(ctx context.Context, _ []jmap.MailboxID) ([]jmap.Mailbox, []jmap.MailboxID, jmap.State, error) {
	<-ctx.Done()
	return nil, nil, "", ctx.Err()
}

// A mail platform that hangs is answered serverUnavailable in the end.
func TestRequestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, jmapserver.Limits{})
		w.person.Accounts = []jmapserver.Account{stuck{w.a}}
		start := time.Now()
		_, body := w.post(`{"using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail"],"methodCalls":[["Mailbox/get",{"accountId":"a1"},"0"],["Mailbox/get",{"accountId":"a1"},"1"]]}`)
		if strings.Count(string(body), "serverUnavailable") != 2 || time.Since(start) != time.Minute {
			t.Errorf("after %v: %s", time.Since(start), body)
		}
	})
}

// A change that was asked for is made whole, also when its asker is gone in the
// middle of it: somebody who deletes and reloads the page at once.
func TestSetOutlivesItsAsker(t *testing.T) {
	w := newWorld(t, jmapserver.Limits{})
	gone, leave := context.WithCancel(t.Context())
	m := &meddled{Account: w.a, sets: 1}
	m.before = func() error { leave(); return nil }
	w.person.Accounts = []jmapserver.Account{heedful{m}}
	r := httptest.NewRequestWithContext(gone, "POST", "/jmap/api", strings.NewReader(`{"using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail"],"methodCalls":[
		["Email/set",{"accountId":"a1","update":{"e1":{"keywords/$flagged":true}}},"0"],
		["Email/set",{"accountId":"a1","update":{"e1":{"keywords/$answered":true}}},"1"]]}`))
	r.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	w.h.ServeHTTP(rec, r)
	if gone.Err() == nil || strings.Count(rec.Body.String(), `"updated":{"e1"`) != 2 {
		t.Errorf("%s", rec.Body)
	}
}

// heedful changes nothing for somebody who is gone.
type heedful struct{ *meddled }

func (h heedful) EmailSet(ctx context.Context, set *jmap.EmailSet) (jmap.EmailSetResult, error) {
	res, err := h.meddled.EmailSet(ctx, set)
	if ctx.Err() != nil {
		return jmap.EmailSetResult{}, ctx.Err()
	}
	return res, err
}

// What one person has too much of is no matter of another's.
func TestLimitsArePersonal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, jmapserver.Limits{})
		var open []*events
		for range 16 {
			open = append(open, w.listen("types=*&closeafter=no&ping=0", ""))
			synctest.Wait()
		}
		first := w.person
		w.person = &jmapserver.Person{Key: "p2", Accounts: first.Accounts}
		other := w.listen("types=*&closeafter=no&ping=0", "")
		if other.take() == "" {
			t.Error("another person was refused")
		}
		for _, e := range append(open, other) {
			e.stop()
		}
	})
}

// A stream tells of all accounts, and the id holds all of them.
func TestEventAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, jmapserver.Limits{})
		b := jmapservertest.New()
		b.SetInfo(func(i *jmap.AccountInfo) { i.ID = "a2" })
		w.person.Accounts = append(w.person.Accounts, b)
		e := w.listen("types=Email&closeafter=no&ping=0", "")
		e.take()
		b.Touch("e1", "x")
		time.Sleep(time.Second)
		got := e.take()
		if !strings.Contains(got, `"changed":{"a2":{"Email":"s11"}}`) || !strings.Contains(got, "id: a1:Email=s10,") || !strings.Contains(got, ";a2:Email=s11,") {
			t.Errorf("got %q", got)
		}
		e.stop()
	})
}

func TestNewNeedsItsConfig(t *testing.T) {
	if _, err := jmapserver.New(jmapserver.Config{}); err == nil {
		t.Error("a Handler that knows nobody was made")
	}
	w := newWorld(t, jmapserver.Limits{})
	rec := httptest.NewRecorder()
	w.h.ServeHTTP(rec, httptest.NewRequest("GET", "/jmap/api", nil))
	if rec.Code != 405 {
		t.Errorf("GET of the API: %d", rec.Code)
	}
}
