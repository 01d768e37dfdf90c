package jmapserver_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmapserver"
)

// TestUndoSend: for how long a sent mail can be taken back is in the Session object,
// whose state tells of a change, and is the person's to choose up to a limit.
func TestUndoSend(t *testing.T) {
	w := newWorld(t, jmapserver.Limits{})
	session := func() (undo any, state string) {
		var s struct {
			State    string
			Accounts map[string]struct {
				AccountCapabilities map[string]struct{ UndoSend any }
			}
		}
		if err := json.Unmarshal(w.do("GET", "/jmap/session", "").Body.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		return s.Accounts["a1"].AccountCapabilities["https://mail.example.org"+jmap.CapabilityVendor].UndoSend, s.State
	}
	last := ""
	for _, c := range []struct {
		args, answer string
		want         any
	}{
		{"", "", nil},
		{`"seconds":60`, `["UndoSend/set",{"accountId":"a1"},"0"]`, 60.0},
		{`"seconds":0`, `["UndoSend/set",{"accountId":"a1"},"0"]`, 0.0},
		{`"seconds":61`, `"type":"invalidArguments"`, 0.0},
		{`"seconds":-1`, `"type":"invalidArguments"`, 0.0},
		{`"seconds":"5"`, `"type":"invalidArguments"`, 0.0},
		{`"seconds":null`, `["UndoSend/set",{"accountId":"a1"},"0"]`, nil},
	} {
		if c.args != "" {
			code, body := w.post(`{"using":` + allCapabilities + `,"methodCalls":[["UndoSend/set",{"accountId":"a1",` + c.args + `},"0"]]}`)
			if code != 200 || !strings.Contains(string(body), c.answer) {
				t.Errorf("%s: %d %s", c.args, code, body)
			}
		}
		got, state := session()
		if diff := cmp.Diff(map[string]any{"seconds": c.want, "default": 10.0, "most": 60.0}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.args, diff)
		}
		if done := strings.HasPrefix(c.answer, "[") || c.args == ""; (state != last) != done {
			t.Errorf("%s: state %s after %s", c.args, state, last)
		}
		last = state
	}
	w.a.SetInfo(func(i *jmap.AccountInfo) { i.UndoSend = nil })
	if _, body := w.post(`{"using":` + allCapabilities + `,"methodCalls":[["UndoSend/set",{"accountId":"a1","seconds":5},"0"]]}`); !strings.Contains(string(body), `"type":"accountNotSupportedByMethod"`) {
		t.Errorf("an account that cannot send: %s", body)
	}
}
