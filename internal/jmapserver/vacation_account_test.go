package jmapserver_test

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cofferdam/internal/account"
	"cofferdam/internal/jmap"
	"cofferdam/internal/sieve"
	"cofferdam/internal/vacation"
)

// TestVacationResponse shows RFC 8621, section 8 and RFC 9661, section 4 above a
// platform in memory; the rows of docs/conformance name its subtests.
// TestVacationAnswers shows it with a real one. Among its cases are MaxBody and
// MaxSubject, and one more of each.
func TestVacationResponse(t *testing.T) {
	for _, c := range []struct {
		name string
		f    func(*filtered)
	}{
		{"singleton", vacationSingleton},
		{"properties", vacationProperties},
		{"subject", vacationSubject},
		{"html", vacationHTML},
		{"default", vacationDefault},
		{"polite", vacationPolite},
		{"own", vacationOwn},
		{"ownGone", vacationOwnGone},
		{"conflict", vacationConflict},
		{"foreign", vacationForeign},
		{"race", vacationRace},
		{"whole", vacationWhole},
		{"refused", vacationRefused},
		{"limits", vacationLimits},
		{"away", vacationAway},
		{"pushed", vacationPushed},
		{"script", vacationScript},
	} {
		t.Run(c.name, func(t *testing.T) { c.f(newFiltered(t, newFilterServer())) })
	}
}

const own = "require \"fileinto\";\r\nif header :contains \"subject\" \"news\" { fileinto \"News\"; stop; }\r\n"

// enable sets properties of the singleton.
func (f *filtered) setVacation(patch string, more ...string) object {
	f.Helper()
	return f.ask("VacationResponse/set", strings.Join(append(more, `"update":{"singleton":{`+patch+`}}`), ","))
}

func (f *filtered) vacation() object {
	f.Helper()
	o, _ := at(f.ask("VacationResponse/get", ""), "list", 0).(object)
	return o
}

// RFC 8621, section 8.1.
func vacationSingleton(f *filtered) {
	got := f.ask("VacationResponse/get", `"ids":null`)
	f.want(len(got["list"].([]any)), 1)
	f.want(got, "singleton", "list", 0, "id")
	got = f.ask("VacationResponse/get", `"ids":["other","singleton"],"properties":["isEnabled"]`)
	f.want(quoted(got["list"]), `[{"id":"singleton","isEnabled":false}]`)
	f.want(got, "other", "notFound", 0)
	f.want(f.ask("VacationResponse/get", `"properties":["x"]`), "invalidArguments", "error")
	got = f.ask("VacationResponse/set", `"create":{"k":{"isEnabled":true}},"destroy":["singleton","x"],"update":{"y":{"isEnabled":true}}`)
	f.want(got, "singleton", "notCreated", "k", "type")
	f.want(got, "singleton", "notDestroyed", "singleton", "type")
	f.want(got, "notFound", "notDestroyed", "x", "type")
	f.want(got, "notFound", "notUpdated", "y", "type")
	f.want(f.f.done, 0)
}

// All properties are kept exactly, whether it is enabled or not.
func vacationProperties(f *filtered) {
	for _, on := range []string{"false", "true"} {
		got := f.setVacation(`"isEnabled":` + on + `,"fromDate":"2026-12-24T10:00:00.5Z","toDate":"2027-01-07T00:00:00Z","subject":"Weg ü","textBody":"a\r\nb\n","htmlBody":"<p>c"`)
		f.want(got, nil, "updated", "singleton")
		f.want(len(got["updated"].(object)), 1)
		want := `{"fromDate":"2026-12-24T10:00:00.5Z","htmlBody":"<p>c","id":"singleton","isEnabled":` + on + `,"subject":"Weg ü","textBody":"a\r\nb\n","toDate":"2027-01-07T00:00:00Z"}`
		v := f.vacation()
		if v["htmlBody"] != "<p>c" {
			f.Errorf("htmlBody %v", v["htmlBody"])
		}
		v["htmlBody"] = "<p>c"
		if got := strings.ReplaceAll(quoted(v), `\u003cp\u003e`, "<p>"); got != want {
			f.Errorf("got  %s\nwant %s", got, want)
		}
	}
	f.want(f.f.active().Name, vacation.ScriptName)
	f.setVacation(`"fromDate":null,"subject":null`)
	v := f.vacation()
	f.want(v, nil, "fromDate")
	f.want(v, nil, "subject")
	f.want(v, "2027-01-07T00:00:00Z", "toDate")
	state := f.ask("VacationResponse/get", "")["state"]
	f.want(f.setVacation(`"isEnabled":true`, `"ifInState":"old"`), "stateMismatch", "error")
	got := f.setVacation(`"textBody":"z"`, `"ifInState":`+quoted(state))
	f.want(got, state, "oldState")
	if got["newState"] == state || got["newState"] != f.ask("VacationResponse/get", "")["state"] {
		f.Errorf("state after a change: %v", got)
	}
}

// sent is the answer as the script has it.
func (f *filtered) sent() (tags map[string][]string, parts map[string]string) {
	f.Helper()
	script, err := sieve.Parse(f.f.active().Content)
	if err != nil {
		f.Fatal(err)
	}
	command := script.Commands[1].Block[0]
	tags, parts = map[string][]string{}, map[string]string{}
	for i, a := range command.Args {
		if a.Tag != "" && i+1 < len(command.Args) {
			tags[a.Tag] = command.Args[i+1].Strings
		}
	}
	m, err := mail.ReadMessage(strings.NewReader(command.Args[len(command.Args)-1].Strings[0]))
	if err != nil {
		f.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		f.Fatal(err)
	}
	if kind == "text/plain" {
		b, _ := io.ReadAll(m.Body)
		parts[kind] = string(b)
	}
	for r := multipart.NewReader(m.Body, params["boundary"]); strings.HasPrefix(kind, "multipart/"); {
		p, err := r.NextPart()
		if err != nil {
			break
		}
		b, _ := io.ReadAll(p)
		kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		parts[kind] = strings.TrimSpace(string(b))
	}
	return tags, parts
}

// RFC 8621, section 8: a subject of null is the server's to choose. RFC 5230,
// section 5.3: "Auto: " and the subject of the mail, if the script has none.
func vacationSubject(f *filtered) {
	f.setVacation(`"isEnabled":true,"textBody":"x"`)
	tags, _ := f.sent()
	if s, ok := tags["subject"]; ok {
		f.Errorf("a subject of null became %q", s)
	}
	f.setVacation(`"subject":"Away"`)
	tags, _ = f.sent()
	f.want(strings.Join(tags["subject"], ","), "Away")
	f.want(strings.Join(tags["addresses"], ","), "anna@example.org,a@example.org")
}

// A text is made of HTML, and both are sent.
func vacationHTML(f *filtered) {
	f.setVacation(`"isEnabled":true,"htmlBody":"<p>I am <b>away</b> &amp; well.</p><script>no</script><p>Bye</p>"`)
	_, parts := f.sent()
	f.want(strings.Join(strings.Fields(parts["text/plain"]), " "), "I am away & well. Bye")
	f.want(strings.Contains(parts["text/html"], "<b>away</b>"), true)
	f.want(f.vacation(), nil, "textBody")
	f.setVacation(`"textBody":"Another"`)
	_, parts = f.sent()
	f.want(parts["text/plain"], "Another")
}

// Words of ours, if there are none.
func vacationDefault(f *filtered) {
	f.setVacation(`"isEnabled":true`)
	_, parts := f.sent()
	f.want(strings.Contains(parts["text/plain"], "I am away"), true)
	f.want(f.vacation(), nil, "textBody")
	f.want(f.vacation(), nil, "htmlBody")
}

// RFC 3834: what is not answered, and how often the rest is.
func vacationPolite(f *filtered) {
	f.setVacation(`"isEnabled":true`)
	text := f.f.active().Content
	for _, s := range []string{"List-Id", "List-Unsubscribe", "Auto-Submitted", "Precedence", "bulk", ":days 7", ":addresses"} {
		if !strings.Contains(text, s) {
			f.Errorf("no %q in\n%s", s, text)
		}
	}
}

// The person's own script runs behind it and is the active one again afterwards.
func vacationOwn(f *filtered) {
	f.f.put("mine", own, true)
	f.f.put("other", "keep;", false)
	f.setVacation(`"isEnabled":true`)
	script, err := sieve.Parse(f.f.active().Content)
	if err != nil || f.f.active().Name != vacation.ScriptName {
		f.Fatalf("active is %q: %v", f.f.active().Name, err)
	}
	f.want(quoted(script.Includes()), `["mine"]`)
	f.want(script.Commands[len(script.Commands)-1].Name, "include") // behind the answer: a "stop" in it ends all
	f.setVacation(`"textBody":"x"`)
	script, _ = sieve.Parse(f.f.active().Content)
	f.want(quoted(script.Includes()), `["mine"]`)
	f.setVacation(`"isEnabled":false`)
	f.want(f.f.active(), account.Filter{Name: "mine", Active: true, Content: own})
	f.want(f.vacation(), "x", "textBody")
}

// A script that is gone cannot be the active one again.
func vacationOwnGone(f *filtered) {
	f.f.put("mine", own, true)
	f.setVacation(`"isEnabled":true`)
	f.f.list = slices.DeleteFunc(f.f.list, func(s account.Filter) bool { return s.Name == "mine" })
	f.want(f.setVacation(`"isEnabled":false`), nil, "notUpdated")
	f.want(f.f.active().Name, "")
}

// What cannot go together is said, and nothing is changed.
func vacationConflict(f *filtered) {
	for _, c := range []struct{ word, mine, part string }{
		{`"vacation"`, `require "vacation"; if true { vacation "x"; }`, ""},
		{`"reject"`, `require "reject"; reject "x";`, ""},
		{`"vacation"`, `require "include"; include "part";`, `require "vacation"; vacation "x";`},
		{`includes`, `require "include"; include "cofferdam-vacation";`, ""},
	} {
		f.f.list, f.f.done = nil, 0
		f.f.put("mine", c.mine, true)
		f.f.put("part", c.part+"\n", false)
		got := f.setVacation(`"isEnabled":true`)
		f.want(got, "forbidden", "notUpdated", "singleton", "type")
		if d, _ := at(got, "notUpdated", "singleton", "description").(string); !strings.Contains(d, c.word) {
			f.Errorf("%s: described as %q", c.mine, d)
		}
		f.want(f.f.done, 0)
		f.want(f.f.active().Name, "mine")
		// A text may be set all the same, for later.
		f.want(f.setVacation(`"textBody":"x"`), nil, "notUpdated")
	}
}

// What another program does shows: in the state, and in what is done next.
func vacationForeign(f *filtered) {
	f.setVacation(`"isEnabled":true,"textBody":"x"`)
	got := f.ask("VacationResponse/get", "")
	f.f.put("theirs", "keep;", true)
	now := f.ask("VacationResponse/get", "")
	f.want(now, false, "list", 0, "isEnabled")
	f.want(now, "x", "list", 0, "textBody")
	if now["state"] == got["state"] {
		f.Error("the state is the same")
	}
	f.want(f.setVacation(`"isEnabled":true`, `"ifInState":`+quoted(got["state"])), "stateMismatch", "error")
	f.setVacation(`"isEnabled":true`)
	script, _ := sieve.Parse(f.f.active().Content)
	f.want(quoted(script.Includes()), `["theirs"]`)
	// A script of that name that is not ours is left alone.
	f.f.put(vacation.ScriptName, "keep;", true)
	f.want(f.vacation(), false, "isEnabled")
	f.want(f.setVacation(`"textBody":"y"`), "forbidden", "notUpdated", "singleton", "type")
	f.want(f.f.active().Content, "keep;")
}

// A change of another program between reading and writing is not overwritten.
func vacationRace(f *filtered) {
	f.f.put("mine", own, true)
	f.f.before = func() { f.f.putLocked("theirs", "keep;", true) }
	got := f.setVacation(`"isEnabled":true`)
	f.want(got, nil, "notUpdated")
	f.want(got, nil, "oldState") // somebody else was there between the two
	script, _ := sieve.Parse(f.f.active().Content)
	f.want(quoted(script.Includes()), `["theirs"]`)
	// One that never rests is said to be there.
	f.f.busy = true
	got = f.setVacation(`"textBody":"z"`)
	f.want(got, "serverFail", "notUpdated", "singleton", "type")
}

// A change that is refused half way leaves what was.
func vacationWhole(f *filtered) {
	f.f.put("mine", own, true)
	f.f.refuse[account.FilterActivate] = &account.FilterRefusal{Why: account.FilterRefused, Text: "not today"}
	got := f.setVacation(`"isEnabled":true,"textBody":"x"`)
	f.want(got, "forbidden", "notUpdated", "singleton", "type")
	f.want(got, "not today", "notUpdated", "singleton", "description")
	f.want(got, got["oldState"], "newState")
	f.want(quoted(f.f.list), quoted([]account.Filter{{Name: "mine", Content: own, Active: true}}))
}

// What the platform refuses is said in its words.
func vacationRefused(f *filtered) {
	for why, kind := range map[account.FilterWhy]string{account.FilterInvalid: "invalidSieve", account.FilterForbidden: "forbidden",
		account.FilterTooLarge: "tooLarge", account.FilterQuota: "overQuota", account.FilterRefused: "forbidden", account.FilterAway: "serverFail"} {
		f.f.refuse[account.FilterPut] = &account.FilterRefusal{Why: why, Text: "its words"}
		got := f.setVacation(`"isEnabled":true`)
		f.want(got, kind, "notUpdated", "singleton", "type")
		if d, _ := at(got, "notUpdated", "singleton", "description").(string); d != "its words" && kind != "serverFail" {
			f.Errorf("%s: described as %q", why, d)
		}
		f.want(len(f.f.list), 0)
	}
}

// Limits, and what is no VacationResponse.
func vacationLimits(f *filtered) {
	long := func(n int) string { return quoted(strings.Repeat("x", n)) }
	for patch, kind := range map[string]string{
		`"textBody":` + long(vacation.MaxBody):                                                 "",
		`"textBody":` + long(vacation.MaxBody+1):                                               "tooLarge",
		`"htmlBody":` + long(vacation.MaxBody+1):                                               "tooLarge",
		`"subject":` + long(vacation.MaxSubject):                                               "",
		`"subject":` + long(vacation.MaxSubject+1):                                             "tooLarge",
		`"textBody":` + quoted(strings.Repeat("\x01", vacation.MaxBody)) + `,"isEnabled":true`: "tooLarge",
		`"subject":"a\nBcc: b@example.net"`:                                                    "invalidProperties",
		`"textBody":"a\u0000"`:                                                                 "invalidProperties",
		`"fromDate":"2026-12-24T10:00:00+01:00"`:                                               "invalidProperties",
		`"toDate":5`:                                                                           "invalidProperties",
		`"isEnabled":null`:                                                                     "invalidProperties",
		`"nothing":1`:                                                                          "invalidProperties",
		`"subject/x":"y"`:                                                                      "invalidPatch",
		`"id":"other"`:                                                                         "invalidProperties",
	} {
		f.f.list = nil
		var want any
		if kind != "" {
			want = kind
		}
		f.want(f.setVacation(patch), want, "notUpdated", "singleton", "type")
	}
	f.f.list = nil
	for _, n := range []string{"1", "2", "3", "4", "5"} {
		f.f.put(n, "keep;", false)
	}
	f.want(f.setVacation(`"isEnabled":true`), "overQuota", "notUpdated", "singleton", "type")
}

// A platform that is away is said to be, and nothing is announced that it has not.
func vacationAway(f *filtered) {
	f.f.err = errors.New("away")
	f.want(f.ask("VacationResponse/get", ""), "serverFail", "error")
	f.f.err = jmap.ServerUnavailable
	f.want(f.ask("VacationResponse/get", ""), "serverUnavailable", "error")
	f.want(f.setVacation(`"isEnabled":true`), "serverUnavailable", "error")
}

// Who waits for changes is told.
func vacationPushed(f *filtered) {
	have, err := f.a.WaitChange(f.Context(), nil)
	if err != nil {
		f.Fatal(err)
	}
	moved := make(chan jmap.TypeStates, 1)
	go func() {
		now, _ := f.a.WaitChange(f.Context(), have)
		moved <- now
	}()
	got := f.setVacation(`"isEnabled":true`)
	now := <-moved
	for now[jmap.TypeVacation] != jmap.State(got["newState"].(string)) {
		if have, err = f.a.WaitChange(f.Context(), now); err != nil {
			f.Fatal(err)
		}
		now = have
	}
}

// RFC 9661, section 4.
func vacationScript(f *filtered) {
	f.f.put("mine", own, true)
	f.setVacation(`"textBody":"x"`)
	list := f.ask("SieveScript/get", "")
	var id string
	for _, s := range list["list"].([]any) {
		if at(s, "name") == vacation.ScriptName {
			id = at(s, "id").(string)
		}
	}
	if id == "" {
		f.Fatalf("SieveScript/get does not have it: %v", list)
	}
	blob := f.upload("keep;")
	got := f.ask("SieveScript/set", `"update":{"`+id+`":{"blobId":"`+blob+`"}}`)
	f.want(got, "forbidden", "notUpdated", id, "type")
	f.want(f.ask("SieveScript/set", `"update":{"`+id+`":{"name":"x"}}`), "forbidden", "notUpdated", id, "type")
	f.want(f.ask("SieveScript/set", `"destroy":["`+id+`"]`), "forbidden", "notDestroyed", id, "type")
	got = f.ask("SieveScript/set", `"onSuccessActivateScript":"`+id+`"`)
	f.want(got, true, "updated", id, "isActive")
	f.want(got, blobOf(f, id), "updated", id, "blobId") // it includes another script than before
	f.want(f.vacation(), true, "isEnabled")
	script, _ := sieve.Parse(f.f.active().Content)
	f.want(quoted(script.Includes()), `["mine"]`)
	// The included script may change, but not into one that conflicts; and its new
	// name is followed.
	mine := idOf(f, "mine")
	bad := f.upload(`require "vacation"; vacation "x";`)
	f.want(f.ask("SieveScript/set", `"update":{"`+mine+`":{"blobId":"`+bad+`"}}`), "forbidden", "notUpdated", mine, "type")
	got = f.ask("SieveScript/set", `"update":{"`+mine+`":{"name":"ours","blobId":"`+blob+`"}}`)
	f.want(got, nil, "notUpdated")
	f.want(got, blobOf(f, id), "updated", id, "blobId")
	script, _ = sieve.Parse(f.f.active().Content)
	f.want(quoted(script.Includes()), `["ours"]`)
	got = f.ask("SieveScript/set", `"onSuccessDeactivateScript":true`)
	f.want(got, false, "updated", id, "isActive")
	f.want(f.vacation(), false, "isEnabled")
	// One that conflicts is not activated behind the person's back.
	f.f.put("mine", `require "reject"; reject "x";`, true)
	f.want(f.ask("SieveScript/set", `"onSuccessActivateScript":"`+id+`"`), "forbidden", "notUpdated", id, "type")
	f.want(f.f.active().Name, "mine")
}

func blobOf(f *filtered, id string) any {
	f.Helper()
	return at(f.ask("SieveScript/get", `"ids":["`+id+`"]`), "list", 0, "blobId")
}

func idOf(f *filtered, name string) string {
	f.Helper()
	for _, s := range f.ask("SieveScript/get", "")["list"].([]any) {
		if at(s, "name") == name {
			return at(s, "id").(string)
		}
	}
	f.Fatalf("no script %s", name)
	return ""
}

// TestVacationAnnounced: the capability is there where the platform's Sieve has
// all that it needs, and nowhere else.
func TestVacationAnnounced(t *testing.T) {
	for name, c := range map[string]struct {
		change          func(*filterServer)
		sieve, vacation bool
	}{
		"all":           {func(*filterServer) {}, true, true},
		"none":          {func(f *filterServer) { f.offer = nil }, false, false},
		"away":          {func(f *filterServer) { f.err = errors.New("away") }, false, false},
		"no include":    {without("include"), true, false},
		"no vacation":   {without("vacation"), true, false},
		"no date":       {without("date"), true, false},
		"no relational": {without("relational"), true, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFilterServer()
			c.change(s)
			f := newFiltered(t, s)
			body := f.w.do("GET", "/jmap/session", "").Body.String()
			if got := strings.Contains(body, jmap.CapabilitySieve); got != c.sieve {
				t.Errorf("sieve announced: %v", got)
			}
			if got := strings.Contains(body, jmap.CapabilityVacation); got != c.vacation {
				t.Errorf("vacation announced: %v", got)
			}
			if !c.vacation {
				f.want(f.ask("VacationResponse/get", ""), "unknownMethod", "error")
			}
		})
	}
}

func without(extension string) func(*filterServer) {
	return func(f *filterServer) {
		f.offer.Extensions = slices.DeleteFunc(f.offer.Extensions, func(x string) bool { return x == extension })
	}
}

// TestSieveComesLater: a platform that was away at first is announced when it has
// answered.
func TestSieveComesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFilterServer()
		s.err = errors.New("away")
		f := newFiltered(t, s)
		done := make(chan struct{})
		ctx, stop := context.WithCancel(context.Background())
		go func() { _ = f.a.Run(ctx); close(done) }()
		time.Sleep(5 * time.Minute)
		if f.a.Info().Sieve != nil {
			t.Fatal("announced while away")
		}
		s.mu.Lock()
		s.err = nil
		s.mu.Unlock()
		time.Sleep(5 * time.Minute)
		if i := f.a.Info(); i.Sieve == nil || !i.Vacation {
			t.Errorf("not announced: %+v", i)
		}
		stop()
		<-done
		f.a.Close()
		synctest.Wait()
	})
}

// TestSieveDoesNotHoldUp: an account is opened soon although the platform's Sieve
// does not answer at all.
func TestSieveDoesNotHoldUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		f := newFiltered(t, &filterServer{hangs: true})
		if d := time.Since(began); d == 0 || d > time.Second {
			t.Errorf("opened after %v", d)
		}
		f.want(f.a.Info().Sieve, (*jmap.SieveCapability)(nil))
		f.a.Close()
		synctest.Wait()
	})
}
