package porter

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"cofferdam/internal/ipc"
	"cofferdam/internal/submission"
)

func to(list ...string) (out []ipc.SubmitRcpt) {
	for _, a := range list {
		out = append(out, ipc.SubmitRcpt{Address: a})
	}
	return out
}

// TestGuardEnvelope: what a cell may have sent in whose name.
func TestGuardEnvelope(t *testing.T) {
	own := []string{"ann@example.org", "info@example.org"}
	many := make([]string, maxRecipients+1)
	for i := range many {
		many[i] = fmt.Sprintf("p%d@example.net", i)
	}
	for name, c := range map[string]struct {
		env  ipc.SubmitEnvelope
		want ipc.Code
	}{
		"own":                {ipc.SubmitEnvelope{From: "ann@example.org", To: to("bob@example.net")}, ""},
		"alias, other case":  {ipc.SubmitEnvelope{From: "Info@EXAMPLE.org", To: to("bob@example.net")}, ""},
		"most recipients":    {ipc.SubmitEnvelope{From: "ann@example.org", To: to(many[1:]...)}, ""},
		"somebody else":      {ipc.SubmitEnvelope{From: "ceo@example.org", To: to("bob@example.net")}, ipc.CodeForbidden},
		"notice":             {ipc.SubmitEnvelope{Size: maxNotice, To: to(many[:maxNoticeTo]...)}, ""},
		"notice to many":     {ipc.SubmitEnvelope{Size: 1, To: to(many[:maxNoticeTo+1]...)}, ipc.CodeForbidden},
		"long notice":        {ipc.SubmitEnvelope{Size: maxNotice + 1, To: to("bob@example.net")}, ipc.CodeForbidden},
		"notice to nobody":   {ipc.SubmitEnvelope{}, ipc.CodeForbidden},
		"null sender":        {ipc.SubmitEnvelope{From: "<>", To: to("bob@example.net")}, ipc.CodeForbidden},
		"injected sender":    {ipc.SubmitEnvelope{From: "ann@example.org>\r\nRCPT TO:<x@y", To: to("bob@example.net")}, ipc.CodeForbidden},
		"suffix":             {ipc.SubmitEnvelope{From: "ann@example.org.evil.example", To: to("bob@example.net")}, ipc.CodeForbidden},
		"route":              {ipc.SubmitEnvelope{From: "@evil.example:ann@example.org", To: to("bob@example.net")}, ipc.CodeForbidden},
		"no recipient":       {ipc.SubmitEnvelope{From: "ann@example.org"}, ipc.CodeForbidden},
		"too many":           {ipc.SubmitEnvelope{From: "ann@example.org", To: to(many...)}, ipc.CodeForbidden},
		"bad recipient":      {ipc.SubmitEnvelope{From: "ann@example.org", To: to("bob@example.net", "x")}, ipc.CodeInvalid},
		"injected recipient": {ipc.SubmitEnvelope{From: "ann@example.org", To: to("bob@example.net> NOTIFY=NEVER\r\nDATA")}, ipc.CodeInvalid},
		"empty recipient":    {ipc.SubmitEnvelope{From: "ann@example.org", To: to("")}, ipc.CodeInvalid},
		"unknown parameter":  {ipc.SubmitEnvelope{From: "ann@example.org", FromParams: ipc.Params{"HOLDFOR": "1"}, To: to("bob@example.net")}, ipc.CodeInvalid},
		"auth parameter":     {ipc.SubmitEnvelope{From: "ann@example.org", FromParams: ipc.Params{"AUTH": "ceo@example.org"}, To: to("bob@example.net")}, ipc.CodeInvalid},
		"unknown at a recipient": {ipc.SubmitEnvelope{From: "ann@example.org",
			To: []ipc.SubmitRcpt{{Address: "bob@example.net", Params: ipc.Params{"X": ""}}}}, ipc.CodeInvalid},
		"never and more": {ipc.SubmitEnvelope{From: "ann@example.org",
			To: []ipc.SubmitRcpt{{Address: "bob@example.net", Params: ipc.Params{"NOTIFY": "NEVER,SUCCESS"}}}}, ipc.CodeInvalid},
		"unknown notice": {ipc.SubmitEnvelope{From: "ann@example.org",
			To: []ipc.SubmitRcpt{{Address: "bob@example.net", Params: ipc.Params{"NOTIFY": "SUCCESS,SOMETIMES"}}}}, ipc.CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := guardEnvelope(c.env, own, nil)
			wantCode(t, err, c.want)
			if err == nil && (!strings.EqualFold(out.MailFrom.String(), c.env.From) || len(out.RcptTo) != len(c.env.To)) {
				t.Errorf("%+v", out)
			}
		})
	}
}

func TestEnvelopeParameters(t *testing.T) {
	out, err := guardEnvelope(ipc.SubmitEnvelope{From: "ann@example.org", Size: 77, To: []ipc.SubmitRcpt{
		{Address: "bob@example.net", Params: ipc.Params{"notify": "success, Delay"}}, {Address: "j\u00f6rg@example.net", Params: ipc.Params{"NOTIFY": "FAILURE"}},
		{Address: "dan@example.net", Params: ipc.Params{"NOTIFY": "never"}}, {Address: "eve@example.net"},
	}, FromParams: ipc.Params{"body": "8bitmime", "smtputf8": "", "SIZE": "1", "ret": "hdrs", "EnvID": "e1", "RequireTLS": ""}}, []string{"ann@example.org"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := submission.DSN{Notify: []submission.Notify{submission.NotifySuccess | submission.NotifyDelay, submission.NotifyFailure, submission.NotifyNever, 0}, Return: submission.ReturnHeaders, EnvID: "e1"}
	if !out.EightBit || !out.UTF8 || !out.RequireTLS || out.Size != 77 || !reflect.DeepEqual(out.DSN, want) {
		t.Errorf("%+v", out)
	}
	// Addresses alone do not ask for SMTPUTF8 here: submission asks for what
	// cannot be said otherwise, and a domain can.
	out, err = guardEnvelope(ipc.SubmitEnvelope{From: "ann@example.org", To: to("bob@b\u00fccher.example"), FromParams: ipc.Params{"BODY": "7BIT"}}, []string{"ann@example.org"}, nil)
	if err != nil || out.UTF8 || out.EightBit {
		t.Errorf("%+v, %v", out, err)
	}
}

// What the operator lets pass is handed on, and nothing else.
func TestFurtherParameters(t *testing.T) {
	env := ipc.SubmitEnvelope{From: "ann@example.org", To: to("bob@example.net"), FromParams: ipc.Params{"mt-priority": "3"}}
	out, err := guardEnvelope(env, []string{"ann@example.org"}, []string{"BY", "MT-PRIORITY"})
	if err != nil || len(out.Further) != 1 || out.Further[0] != (submission.Parameter{Name: "MT-PRIORITY", Value: "3"}) {
		t.Errorf("%+v, %v", out, err)
	}
	_, err = guardEnvelope(env, []string{"ann@example.org"}, []string{"BY"})
	wantCode(t, err, ipc.CodeInvalid)
}

func TestReadEnvelope(t *testing.T) {
	enc := base64.RawURLEncoding.EncodeToString
	none := bufio.NewReader(strings.NewReader(""))
	const text = `{"from":"ann@example.org","to":[{"address":"bob@example.net"}],"size":5}`
	env, err := readEnvelope(enc([]byte(text)), none)
	if err != nil || env.From != "ann@example.org" || env.Size != 5 || len(env.To) != 1 {
		t.Errorf("%+v, %v", env, err)
	}
	for _, bad := range []string{"", "!", enc([]byte(`{`)), enc([]byte(`{"sender":"a"}`)), enc([]byte(`{} {}`))} {
		if env, err := readEnvelope(bad, none); ipc.CodeOf(err) != ipc.CodeInvalid {
			t.Errorf("%s: read as %+v, %v", bad, env, err)
		}
	}
}

// An envelope that is too long for a header begins the body, which goes on after it.
func TestReadEnvelopeInBody(t *testing.T) {
	env := ipc.SubmitEnvelope{From: "ann@example.org", Size: 5}
	for i := range maxRecipients {
		env.To = append(env.To, ipc.SubmitRcpt{Address: fmt.Sprintf("%s%d@%s.example", strings.Repeat("l", 60), i, strings.Repeat("d", 63)), Params: ipc.Params{"NOTIFY": "SUCCESS,FAILURE,DELAY"}})
	}
	text, err := json.Marshal(env)
	if err != nil {
		t.Fatal(err)
	}
	body := bufio.NewReader(strings.NewReader(string(text) + "\nFrom: Ann\r\n"))
	got, err := readEnvelope(ipc.EnvelopeInBody, body)
	rest, _ := io.ReadAll(body)
	if err != nil || len(got.To) != maxRecipients || string(rest) != "From: Ann\r\n" {
		t.Errorf("%d recipients, rest %q, %v", len(got.To), rest, err)
	}
	for _, bad := range []string{"", string(text), "{}{}\n", `{"from":"` + strings.Repeat("x", ipc.MaxEnvelope) + "\"}\n"} {
		_, err := readEnvelope(ipc.EnvelopeInBody, bufio.NewReader(strings.NewReader(bad)))
		wantCode(t, err, ipc.CodeInvalid)
	}
}

// TestSubmitError: which failures may be tried again, and which are told.
func TestSubmitError(t *testing.T) {
	reply := func(code int, text string) submission.Reply {
		return submission.Reply{Code: code, Status: submission.EnhancedStatus{Class: code / 100, Subject: 7, Detail: 1}, Text: text}
	}
	for name, c := range map[string]struct {
		err    error
		want   ipc.Code
		detail string
	}{
		"cut after the end":    {&submission.Error{Outcome: submission.Uncertain, Stage: submission.StageFinal}, ipc.CodeUncertain, "broke"},
		"password was changed": {errNoSubmission, ipc.CodeUnavailable, "sign-in"},
		"refused for good":     {&submission.Error{Outcome: submission.Refused, Stage: submission.StageFinal, Reply: reply(550, "spam\nreally")}, ipc.CodeRefused, "550 5.7.1 spam really"},
		"greylisted":           {&submission.Error{Outcome: submission.Refused, Temporary: true, Stage: submission.StageRcpt, Reply: reply(450, "later")}, ipc.CodeUnavailable, "450 4.7.1 later"},
		"server is down":       {&submission.Error{Outcome: submission.NotSent, Temporary: true, Stage: submission.StageDial, Err: errors.New("connection refused")}, ipc.CodeUnavailable, "away"},
		"too large":            {&submission.Error{Outcome: submission.NotSent, Stage: submission.StageMail, Err: fmt.Errorf("%w: 9 bytes, server takes 8", submission.ErrTooLarge)}, ipc.CodeRefused, "server takes 8"},
		"no SMTPUTF8":          {&submission.Error{Outcome: submission.NotSent, Stage: submission.StageMail, Err: submission.ErrNeedUTF8}, ipc.CodeRefused, "SMTPUTF8"},
		"no 8BITMIME":          {&submission.Error{Outcome: submission.NotSent, Stage: submission.StageMail, Err: submission.ErrNeed8Bit}, ipc.CodeRefused, "8BITMIME"},
		"no REQUIRETLS":        {&submission.Error{Outcome: submission.NotSent, Stage: submission.StageMail, Err: submission.ErrNeedRequireTLS}, ipc.CodeRefused, "REQUIRETLS"},
		"contradiction":        {&submission.Error{Outcome: submission.NotSent, Stage: submission.StageMail, Err: fmt.Errorf("%w: negative size", submission.ErrEnvelope)}, ipc.CodeInvalid, "size"},
		"operator's mistake":   {&submission.Error{Outcome: submission.NotSent, Stage: submission.StageTLS, Err: submission.ErrNoStartTLS}, ipc.CodeUnavailable, "away"},
		"ours":                 {ipc.Errorf(ipc.CodeUnknown, "session is over"), ipc.CodeUnknown, "over"},
	} {
		t.Run(name, func(t *testing.T) {
			err := submitError(c.err)
			wantCode(t, err, c.want)
			if !strings.Contains(err.Error(), c.detail) {
				t.Errorf("says %q, not %q", err, c.detail)
			}
		})
	}
}

// TestReplyText: a reply must fit an error that crosses a line, or it is taken
// for an internal one.
func TestReplyText(t *testing.T) {
	if got := replyText(submission.Reply{Code: 250, Text: "Ok"}); got != "250 Ok" {
		t.Errorf("without an enhanced status: %q", got)
	}
	long := submission.Reply{Code: 550, Text: strings.Repeat("\u00e9 ", ipc.MaxError)}
	if got := replyText(long); len(got) > ipc.MaxError || !utf8.ValidString(got) {
		t.Errorf("%d bytes, valid %v", len(got), utf8.ValidString(got))
	}
	err := submitError(&submission.Error{Outcome: submission.Refused, Temporary: true, Reply: long})
	var e *ipc.Error
	if !errors.As(err, &e) || len(e.Detail) > ipc.MaxError {
		t.Errorf("%v", err)
	}
}
