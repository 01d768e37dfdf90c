package jmapserver_test

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"cofferdam/internal/account"
	"cofferdam/internal/jmap"
	"cofferdam/internal/vacation"
)

// TestSieveScript shows RFC 9661 above a platform in memory; the rows of
// docs/conformance name its subtests.
func TestSieveScript(t *testing.T) {
	for _, c := range []struct {
		name string
		f    func(*filtered)
	}{
		{"session", sieveSession},
		{"get", sieveGet},
		{"blob", sieveBlob},
		{"create", sieveCreate},
		{"createRefused", sieveCreateRefused},
		{"update", sieveUpdate},
		{"updateRefused", sieveUpdateRefused},
		{"destroy", sieveDestroy},
		{"activate", sieveActivate},
		{"activateCreated", sieveActivateCreated},
		{"onlyOnSuccess", sieveOnlyOnSuccess},
		{"both", sieveBoth},
		{"query", sieveQuery},
		{"validate", sieveValidate},
		{"rename", sieveRename},
		{"readOnly", sieveReadOnly},
		{"unknown", sieveUnknown},
	} {
		t.Run(c.name, func(t *testing.T) { c.f(newFiltered(t, newFilterServer())) })
	}
}

// RFC 9661, section 1.2.1.
func sieveSession(f *filtered) {
	body := f.w.do("GET", "/jmap/session", "").Body.String()
	for _, want := range []string{`"urn:ietf:params:jmap:sieve":{"implementation":"Test Sieve 1"}`,
		`"urn:ietf:params:jmap:sieve":{"maxSizeScriptName":512,"maxSizeScript":307200,"maxNumberScripts":5,"maxNumberRedirects":4,` +
			`"sieveExtensions":["vacation","date","relational","include","fileinto","reject","enotify"],"notificationMethods":["mailto"],"externalLists":null}`,
		`"urn:ietf:params:jmap:vacationresponse":{}`} {
		if !strings.Contains(body, want) {
			f.Errorf("no %s in %s", want, body)
		}
	}
	s := newFilterServer()
	s.offer = &account.FilterOffer{Extensions: []string{"extlists"}, MaxScripts: 5, MaxSize: 100}
	body = newFiltered(f.T, s).w.do("GET", "/jmap/session", "").Body.String()
	if want := `"maxNumberRedirects":null,"sieveExtensions":["extlists"],"notificationMethods":null,"externalLists":[]`; !strings.Contains(body, want) {
		f.Errorf("no %s in %s", want, body)
	}
}

func sieveGet(f *filtered) {
	f.f.put("one", "keep;", true)
	f.f.put("two", own, false)
	got := f.ask("SieveScript/get", "")
	f.want(len(got["list"].([]any)), 2)
	for i, name := range []string{"one", "two"} {
		f.want(got, name, "list", i, "name")
		f.want(got, i == 0, "list", i, "isActive")
		f.want(len(at(got, "list", i).(object)), 4)
	}
	one := at(got, "list", 0, "id").(string)
	got = f.ask("SieveScript/get", `"ids":["`+one+`","nobody"],"properties":["isActive"]`)
	f.want(quoted(got["list"]), `[{"id":"`+one+`","isActive":true}]`)
	f.want(got, "nobody", "notFound", 0)
	f.want(f.ask("SieveScript/get", `"properties":["x"]`), "invalidArguments", "error")
	f.f.put("two", "keep;", false)
	if again := f.ask("SieveScript/get", ""); again["state"] == got["state"] {
		f.Error("another content, and the same state")
	}
}

// RFC 9661, section 2.2: content is a blob, to be downloaded or read by Blob/get.
func sieveBlob(f *filtered) {
	f.f.put("one", own, true)
	got := f.batch(`["SieveScript/get",{"accountId":"a1"},"0"]`,
		`["Blob/get",{"accountId":"a1","#ids":{"resultOf":"0","name":"SieveScript/get","path":"/list/*/blobId"}},"1"]`)
	f.want(got[1], own, "list", 0, "data:asText")
	id := at(got[0], "list", 0, "blobId").(string)
	if body := f.w.do("GET", "/jmap/download/a1/"+id+"/one.siv?type=application/sieve", "").Body.String(); body != own {
		f.Errorf("downloaded %q", body)
	}
	blob, err := f.a.BlobOpen(f.Context(), jmap.BlobID(id), jmap.ByteRange{Offset: 8, Length: 10})
	if err != nil {
		f.Fatal(err)
	}
	if b, _ := io.ReadAll(blob.Body); string(b) != own[8:18] {
		f.Errorf("a range is %q", b)
	}
	f.f.put("one", "keep;", true)
	if _, err := f.a.BlobOpen(f.Context(), jmap.BlobID(id), jmap.ByteRange{}); !errors.Is(err, jmap.ErrNotFound) {
		f.Errorf("content that is gone: %v", err)
	}
	f.f.put("again", "keep;", false)
	id = at(f.ask("SieveScript/get", ""), "list", 0, "blobId").(string)
	got = f.batch(`["Blob/lookup",{"accountId":"a1","ids":["` + id + `","` + f.upload("keep;") + `"],"typeNames":["Email","SieveScript"]},"0"]`)
	f.want(quoted(at(got[0], "list", 0, "matchedIds")), `{"Email":[],"SieveScript":["`+idOf(f, "one")+`","`+idOf(f, "again")+`"]}`)
	f.want(quoted(at(got[0], "list", 1, "matchedIds", "SieveScript")), "[]") // an upload is no script's content
	f.want(f.ask("Blob/lookup", `"ids":["`+id+`"],"typeNames":["VacationResponse"]`), "unknownDataType", "error")
	f.want(quoted(at(f.ask("Blob/lookup", `"ids":["`+id+`"],"typeNames":["Email"]`), "list", 0, "matchedIds", "Email")), "[]")
}

func sieveCreate(f *filtered) {
	before := f.ask("SieveScript/get", "")["state"]
	got := f.ask("SieveScript/set", `"create":{"a":{"name":"mine","blobId":"`+f.upload(own)+`"},"b":{"blobId":"`+f.upload("keep;")+`"},"c":{"name":null,"blobId":"`+f.upload("stop;")+`"}}`)
	f.want(got, before, "oldState")
	for _, k := range []string{"a", "b", "c"} {
		f.want(got, false, "created", k, "isActive")
		if at(got, "created", k, "id") == nil || at(got, "created", k, "blobId") == nil {
			f.Errorf("%s: %v", k, got)
		}
	}
	f.want(got, nil, "created", "a", "name")
	f.want(got, "script-1", "created", "b", "name")
	f.want(got, "script-2", "created", "c", "name")
	now := f.ask("SieveScript/get", "")
	f.want(now, got["newState"], "state")
	f.want(now, at(got, "created", "a", "id"), "list", 0, "id")
	f.want(now, at(got, "created", "a", "blobId"), "list", 0, "blobId")
	// An uploaded blob of the same request, and a script in a later call of it.
	out := f.batch(`["Blob/upload",{"accountId":"a1","create":{"B":{"data":[{"data:asText":"keep;"}],"type":"application/sieve"}}},"0"]`,
		`["SieveScript/set",{"accountId":"a1","create":{"d":{"name":"last","blobId":"#B"}},"update":{"#d":{"name":"renamed"}}},"1"]`,
		`["SieveScript/set",{"accountId":"a1","destroy":["#d"]},"2"]`)
	id := at(out[1], "created", "d", "id").(string)
	f.want(out[1], nil, "notUpdated")
	f.want(out[2], id, "destroyed", 0)
	f.want(len(f.f.list), 3)
}

// RFC 9661, sections 2.1, 2.2 and 2.4: what no script may be.
func sieveCreateRefused(f *filtered) {
	f.f.put("taken", "keep;", false)
	good := f.upload("keep;")
	try := func(kind, script string) object {
		f.Helper()
		got := f.ask("SieveScript/set", `"create":{"k":{`+script+`}}`)
		f.want(got, kind, "notCreated", "k", "type")
		f.want(got, got["oldState"], "newState")
		return got
	}
	got := try("alreadyExists", `"name":"taken","blobId":"`+good+`"`)
	f.want(got, idOf(f, "taken"), "notCreated", "k", "existingId")
	long := f.ask("SieveScript/set", `"create":{"k":{"name":"`+strings.Repeat("𝔸", 128)+`","blobId":"`+good+`"}}`) // 512 octets
	f.want(long, nil, "notCreated")
	f.ask("SieveScript/set", `"destroy":["`+at(long, "created", "k", "id").(string)+`"]`)
	for _, name := range []string{"", "a\x00", "a\x1f", "a\x7f", "a\u0080", "a\u009f", "a\u2028", "a\u2029", "a/b", strings.Repeat("x", 129), vacation.ScriptName} {
		f.want(try("invalidProperties", `"name":`+quoted(name)+`,"blobId":"`+good+`"`), "name", "notCreated", "k", "properties", 0)
	}
	for _, script := range []string{`"name":"x"`, `"name":5,"blobId":"` + good + `"`, `"name":"x","blobId":"nothing"`, `"name":"x","blobId":"#nothing"`,
		`"name":"x","blobId":"` + good + `","isActive":true`, `"name":"x","blobId":"` + good + `","id":"i"`} {
		try("invalidProperties", script)
	}
	for content, words := range map[string]string{"": "line 1", "keep": "line 1", "keep;\nfoo(": "line 2", "\xff;": "UTF-8", "nonsense;": "unknown command",
		"# x\nrequire [\"fileinto\", \"madeup\"];": `line 2: this server has no extension "madeup"`} {
		got := try("invalidSieve", `"name":"x","blobId":"`+f.upload(content)+`"`)
		if d, _ := at(got, "notCreated", "k", "description").(string); !strings.Contains(d, words) {
			f.Errorf("%q: described as %q", content, d)
		}
	}
	got = try("forbidden", `"name":"x","blobId":"`+f.upload(`redirect "eve@example.net";`)+`"`)
	if d, _ := at(got, "notCreated", "k", "description").(string); !strings.Contains(d, "forwards mail to a new address") {
		f.Errorf("described as %q", d)
	}
	try("tooLarge", `"name":"x","blobId":"`+f.upload(strings.Repeat("#", 300<<10+1))+`"`)
	for i := range 4 {
		f.f.put(strconv.Itoa(i), "keep;", false)
	}
	try("overQuota", `"name":"x","blobId":"`+good+`"`)
	f.want(len(f.f.list), 5)
}

func sieveUpdate(f *filtered) {
	f.f.put("one", "keep;", true)
	id := idOf(f, "one")
	blob := f.upload(own)
	got := f.ask("SieveScript/set", `"update":{"`+id+`":{"blobId":"`+blob+`"}}`)
	now := f.ask("SieveScript/get", "")
	f.want(got, at(now, "list", 0, "blobId"), "updated", id, "blobId")
	f.want(got, now["state"], "newState")
	f.want(f.f.active().Content, own)
	// What the server has already is sent back unchanged.
	got = f.ask("SieveScript/set", `"update":{"`+id+`":{"id":"`+id+`","isActive":true,"name":"one","blobId":"`+at(now, "list", 0, "blobId").(string)+`"}}`)
	f.want(got, nil, "updated", id)
	f.want(got, nil, "notUpdated")
	f.want(f.f.done, 1)
}

func sieveUpdateRefused(f *filtered) {
	f.f.put("one", "keep;", true)
	f.f.put("two", "stop;", false)
	id := idOf(f, "one")
	for patch, kind := range map[string]string{`"name":"two"`: "alreadyExists", `"name":"a/b"`: "invalidProperties", `"name":5`: "invalidProperties",
		`"isActive":false`: "invalidProperties", `"id":"x"`: "invalidProperties", `"x":1`: "invalidProperties", `"name/x":1`: "invalidPatch",
		`"blobId":"` + f.upload("keep") + `"`: "invalidSieve", `"blobId":"` + f.upload("nonsense;") + `"`: "invalidSieve",
		`"blobId":"` + f.upload(strings.Repeat("#", 300<<10+1)) + `"`: "tooLarge", `"blobId":null`: "invalidProperties", `"name":"three","blobId":"` + f.upload("nonsense;") + `"`: "invalidSieve"} {
		got := f.ask("SieveScript/set", `"update":{"`+id+`":{`+patch+`}}`)
		f.want(got, kind, "notUpdated", id, "type")
		if kind == "alreadyExists" {
			f.want(got, idOf(f, "two"), "notUpdated", id, "existingId")
		}
	}
	f.want(f.ask("SieveScript/set", `"update":{"nobody":{"name":"x"}}`), "notFound", "notUpdated", "nobody", "type")
	// A rename that the platform refuses undoes the content that was stored before.
	f.f.refuse[account.FilterRename] = &account.FilterRefusal{Why: account.FilterRefused, Text: "no"}
	got := f.ask("SieveScript/set", `"update":{"`+id+`":{"name":"three","blobId":"`+f.upload(own)+`"}}`)
	f.want(got, "forbidden", "notUpdated", id, "type")
	f.want(f.f.active(), account.Filter{Name: "one", Content: "keep;", Active: true})
	f.want(len(f.f.list), 2)
	f.want(f.ask("SieveScript/set", `"ifInState":"x"`), "stateMismatch", "error")
}

// RFC 9661, section 2.4: the active one MUST NOT be destroyed.
func sieveDestroy(f *filtered) {
	f.f.put("one", "keep;", true)
	f.f.put("two", "keep;", false)
	one, two := idOf(f, "one"), idOf(f, "two")
	got := f.ask("SieveScript/set", `"destroy":["`+one+`","`+two+`","nobody"],"onSuccessDeactivateScript":true`)
	f.want(got, "sieveIsActive", "notDestroyed", one, "type")
	f.want(got, "notFound", "notDestroyed", "nobody", "type")
	f.want(quoted(got["destroyed"]), `["`+two+`"]`)
	f.want(f.f.active().Name, "one")
	f.want(f.ask("SieveScript/set", `"onSuccessDeactivateScript":true`), false, "updated", one, "isActive")
	f.want(quoted(f.ask("SieveScript/set", `"destroy":["`+one+`"]`)["destroyed"]), `["`+one+`"]`)
	f.want(len(f.f.list), 0)
}

// RFC 9661, section 2.4: both that change are reported.
func sieveActivate(f *filtered) {
	f.f.put("one", "keep;", true)
	f.f.put("two", "keep;", false)
	one, two := idOf(f, "one"), idOf(f, "two")
	got := f.ask("SieveScript/set", `"onSuccessActivateScript":"`+two+`"`)
	f.want(got, false, "updated", one, "isActive")
	f.want(got, true, "updated", two, "isActive")
	f.want(f.f.active().Name, "two")
	// With an update of the same, in one entry.
	got = f.ask("SieveScript/set", `"update":{"`+one+`":{"name":"uno"}},"onSuccessActivateScript":"`+one+`"`)
	f.want(got, true, "updated", one, "isActive")
	// One that is active already, is not there or is no id changes nothing.
	for _, id := range []string{one, "nobody", "#nobody", "not an id"} {
		got = f.ask("SieveScript/set", `"onSuccessActivateScript":`+quoted(id))
		f.want(got, nil, "updated")
		f.want(got, nil, "error")
	}
	f.want(f.f.active().Name, "uno")
	f.want(f.ask("SieveScript/set", `"onSuccessActivateScript":5`), "invalidArguments", "error")
}

func sieveActivateCreated(f *filtered) {
	f.f.put("one", "keep;", true)
	got := f.ask("SieveScript/set", `"create":{"A":{"name":null,"blobId":"`+f.upload("stop;")+`"}},"onSuccessActivateScript":"#A"`)
	f.want(got, true, "created", "A", "isActive")
	f.want(got, false, "updated", idOf(f, "one"), "isActive")
	f.want(len(got["updated"].(object)), 1)
	f.want(f.f.active().Content, "stop;")
	// One that is updated as well is in both.
	got = f.ask("SieveScript/set", `"create":{"B":{"name":"b","blobId":"`+f.upload("stop;")+`"}},"update":{"#B":{"name":"c"}},"onSuccessActivateScript":"#B"`)
	f.want(got, true, "created", "B", "isActive")
	id := at(got, "created", "B", "id").(string)
	if v, ok := got["updated"].(object)[id]; !ok || v != nil {
		f.Errorf("updated and activated: %v", got)
	}
	f.want(f.f.active().Name, "c")
}

// "if and only if all of the creations, modifications, and destructions succeed"
func sieveOnlyOnSuccess(f *filtered) {
	f.f.put("one", "keep;", true)
	f.f.put("two", "keep;", false)
	two := idOf(f, "two")
	for _, fails := range []string{`"create":{"k":{"name":"x","blobId":"` + f.upload("nonsense;") + `"}}`, `"create":{"k":{}}`, `"destroy":["nobody"]`,
		`"update":{"nobody":{}}`, `"update":{"` + two + `":{"name":5}}`} {
		for _, then := range []string{`"onSuccessActivateScript":"` + two + `"`, `"onSuccessDeactivateScript":true`} {
			f.want(f.ask("SieveScript/set", fails+","+then), nil, "updated")
			f.want(f.f.active().Name, "one")
		}
	}
}

// RFC 9661, section 2.4: deactivating comes first.
func sieveBoth(f *filtered) {
	f.f.put("one", "keep;", true)
	f.f.put("two", "keep;", false)
	one, two := idOf(f, "one"), idOf(f, "two")
	got := f.ask("SieveScript/set", `"onSuccessActivateScript":"`+two+`","onSuccessDeactivateScript":true`)
	f.want(got, false, "updated", one, "isActive")
	f.want(got, true, "updated", two, "isActive")
	got = f.ask("SieveScript/set", `"onSuccessActivateScript":"`+two+`","onSuccessDeactivateScript":true`)
	f.want(got, true, "updated", two, "isActive")
	f.want(f.f.active().Name, "two")
}

func sieveQuery(f *filtered) {
	for _, s := range []string{"beta", "Alpha", "gamma"} {
		f.f.put(s, "keep;", s == "gamma")
	}
	names := func(args string) string {
		f.Helper()
		got := f.ask("SieveScript/query", args)
		var list []string
		for i := range got["ids"].([]any) {
			one := f.ask("SieveScript/get", `"ids":["`+at(got, "ids", i).(string)+`"]`)
			list = append(list, at(one, "list", 0, "name").(string))
		}
		return strings.Join(list, " ")
	}
	for args, want := range map[string]string{
		`"sort":[{"property":"name"}]`:                                                                         "Alpha beta gamma",
		`"sort":[{"property":"name","isAscending":false}]`:                                                     "gamma beta Alpha",
		`"sort":[{"property":"isActive"},{"property":"name"}]`:                                                 "Alpha beta gamma",
		`"sort":[{"property":"isActive","isAscending":false},{"property":"name"}]`:                             "gamma Alpha beta",
		`"filter":{"isActive":true}`:                                                                           "gamma",
		`"filter":{"name":"A"},"sort":[{"property":"name"}],"position":1`:                                      "beta gamma",
		`"filter":{"name":"et"}`:                                                                               "beta",
		`"filter":{"operator":"NOT","conditions":[{"name":"a","isActive":true}]},"sort":[{"property":"name"}]`: "Alpha beta",
		`"sort":[{"property":"name"}],"limit":1`:                                                               "Alpha",
	} {
		if got := names(args); got != want {
			f.Errorf("%s: %s, want %s", args, got, want)
		}
	}
	f.want(f.ask("SieveScript/query", `"calculateTotal":true,"limit":1`), 3.0, "total")
	f.want(f.ask("SieveScript/query", `"sort":[{"property":"id"}]`), "unsupportedSort", "error")
	f.want(f.ask("SieveScript/query", `"filter":{"x":1}`), "invalidArguments", "error")
}

func sieveValidate(f *filtered) {
	f.want(f.ask("SieveScript/validate", `"blobId":"`+f.upload("keep;")+`"`), nil, "error")
	for _, content := range []string{"keep", "nonsense;", `require "madeup";`, ""} {
		got := f.ask("SieveScript/validate", `"blobId":"`+f.upload(content)+`"`)
		f.want(got, "invalidSieve", "error", "type")
		if d, _ := at(got, "error", "description").(string); !strings.Contains(d, "line 1") {
			f.Errorf("%q: described as %q", content, d)
		}
	}
	f.want(f.ask("SieveScript/validate", `"blobId":"nothing"`), "invalidArguments", "error")
	f.want(f.ask("SieveScript/validate", ``), "invalidArguments", "error")
	f.want(len(f.f.list), 0)
}

// The id of a script that is renamed here is the same, and that of another which
// takes its name is another.
func sieveRename(f *filtered) {
	f.f.put("one", "keep;", true)
	id := idOf(f, "one")
	got := f.ask("SieveScript/set", `"update":{"`+id+`":{"name":"two"}}`)
	f.want(got, nil, "notUpdated")
	f.want(got, f.ask("SieveScript/get", "")["state"], "newState")
	f.want(idOf(f, "two"), id)
	f.want(f.f.active().Name, "two")
	f.f.put("one", "stop;", false)
	if other := idOf(f, "one"); other == id {
		f.Error("two scripts with one id")
	}
	f.want(idOf(f, "two"), id)
	f.ask("SieveScript/set", `"update":{"`+id+`":{"name":"three"}}`)
	f.want(idOf(f, "three"), id)
}

func sieveReadOnly(f *filtered) {
	f.f.err = jmap.ServerUnavailable
	for _, m := range []string{"SieveScript/get", "SieveScript/set", "SieveScript/query"} {
		f.want(f.ask(m, ""), "serverUnavailable", "error")
	}
	f.want(f.ask("SieveScript/validate", `"blobId":"`+f.upload("keep;")+`"`), "serverUnavailable", "error")
}

// There is no SieveScript/changes (RFC 9661, section 2).
func sieveUnknown(f *filtered) {
	f.want(f.ask("SieveScript/changes", `"sinceState":"x"`), "unknownMethod", "error")
	f.want(f.ask("VacationResponse/changes", `"sinceState":"x"`), "unknownMethod", "error")
}
