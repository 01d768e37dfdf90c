package jmapserver

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// patchPaths and patchValues are what FuzzEmailPatch puts together; "%" in a path
// stands for a text of the fuzzer's.
var (
	patchPaths = []string{
		"keywords", "mailboxIds", "keywords/$seen", "keywords/$Seen", "keywords/%", "keywords/$seen/x", "keywords/", "keywords/~2", "keywords/a~1b",
		"keywords/x~0y", "mailboxIds/Mi", "mailboxIds/Md", "mailboxIds/Ms", "mailboxIds/zz", "mailboxIds/%", "mailboxIds/Mi/x", "/keywords", "keywords/two",
	}
	patchValues = []string{
		`true`, `null`, `false`, `{}`, `{"a":true}`, `{"$Seen":true,"b":true}`, `{"Mi":true}`, `{"Mi":true,"Md":true}`, `{"Mi":false}`, `1`, `"x"`, `[]`,
	}
)

// FuzzEmailPatch compares what a PatchObject makes of an Email, through decoder,
// method and account, with what RFC 8620, section 5.3 makes of it read naively, on
// the JSON of the Email. Either refuses all of a patch or takes all of it.
func FuzzEmailPatch(f *testing.F) {
	f.Add([]byte{2, 1, 10, 1, 11, 0}, "x")
	f.Add([]byte{0, 5}, "x")
	f.Add([]byte{0, 3, 2, 0}, "")
	f.Add([]byte{4, 0, 9, 0, 17, 1}, "$Forwarded")
	f.Add([]byte{1, 7, 4, 1}, "a/b")
	f.Fuzz(func(t *testing.T, program []byte, free string) {
		patch := map[string]json.RawMessage{}
		for ; len(program) > 1; program = program[2:] {
			path := strings.ReplaceAll(patchPaths[int(program[0])%len(patchPaths)], "%", strings.ToValidUTF8(free, "x"))
			patch[path] = json.RawMessage(patchValues[int(program[1])%len(patchValues)])
		}
		text, err := json.Marshal(patch)
		if err != nil || !plainPatch(patch) {
			return
		}
		if _, err := ijson.Parse(string(text), ijson.Limits{Depth: 10, Values: 10_000}); err != nil {
			return // no I-JSON: it is refused before anybody sees a patch
		}
		h, p := newHandler(t)
		before := emailSets(t, h, p)
		answer := ask(t, h, p, `["Email/set",{"accountId":"a1","update":{"e1":`+string(text)+`}},"0"]`)
		updated, refused := answer.Get("updated").Get("e1"), answer.Get("notUpdated").Get("e1")
		if (updated.Kind() == ijson.Absent) == (refused.Kind() == ijson.Absent) {
			t.Fatalf("%s is updated and not: %s", text, answer.Append(nil))
		}
		after := emailSets(t, h, p)
		want, ok := naivePatch(before, patch)
		switch {
		case refused.Kind() != ijson.Absent:
			if d := cmp.Diff(before, after); d != "" {
				t.Fatalf("%s was refused and changed something:\n%s", text, d)
			}
			if ok && !foldsTwice(patch) {
				t.Fatalf("%s was refused: %s", text, refused.Append(nil))
			}
		case !ok:
			t.Fatalf("%s was taken", text)
		default:
			if d := cmp.Diff(want, after); d != "" {
				t.Fatalf("%s: -naive +got\n%s", text, d)
			}
		}
	})
}

// plainPatch leaves out what is not about patches: creation ids, and what other
// properties may be.
func plainPatch(patch map[string]json.RawMessage) bool {
	for path := range patch {
		first, rest, _ := strings.Cut(path, "/")
		if strings.HasPrefix(rest, "#") || len(rest) > maxPathOctets/2 || first != "keywords" && first != "mailboxIds" && first != "" {
			return false
		}
	}
	return true
}

// foldsTwice reports whether two paths name one keyword: which of them counts is not
// said by the RFC.
func foldsTwice(patch map[string]json.RawMessage) bool {
	seen := map[string]bool{}
	for path := range patch {
		if low := strings.ToLower(path); seen[low] {
			return true
		} else {
			seen[low] = true
		}
	}
	return false
}

// sets are the properties of an Email that can change.
type sets map[string]map[string]bool

// naivePatch applies a PatchObject to JSON, and then looks at what came out.
func naivePatch(before sets, patch map[string]json.RawMessage) (sets, bool) {
	object := map[string]any{}
	for name, set := range before {
		members := map[string]any{}
		for k := range set {
			members[k] = true
		}
		object[name] = members
	}
	for path, raw := range patch {
		for other := range patch {
			if strings.HasPrefix(other, path+"/") {
				return nil, false // a pointer MUST NOT be the prefix of another
			}
		}
		var value any
		if err := json.Unmarshal(raw, &value); err != nil || !setAt(object, path, value) {
			return nil, false
		}
	}
	keywords, ok1 := naiveSet(object["keywords"], func(s string) (string, bool) {
		k, ok := jmap.ParseKeyword(s)
		return string(k), ok
	})
	boxes, ok2 := naiveSet(object["mailboxIds"], func(s string) (string, bool) {
		return s, slices.Contains([]string{"Mi", "Md", "Ms", "Mt", "Mp", "Mq"}, s)
	})
	return sets{"keywords": keywords, "mailboxIds": boxes}, ok1 && ok2 && len(boxes) > 0
}

// setAt sets or, with null, removes what a path of a PatchObject points at. All
// parts but the last must exist; removing a property gives it its default, and
// mailboxIds has none. A keyword is compared in lower case.
func setAt(object map[string]any, path string, value any) bool {
	tokens := strings.Split(path, "/")
	for i, token := range tokens {
		if strings.Contains(strings.NewReplacer("~0", "", "~1", "").Replace(token), "~") {
			return false
		}
		tokens[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
	}
	at := object
	for _, token := range tokens[:len(tokens)-1] {
		next, ok := at[token].(map[string]any)
		if !ok {
			return false
		}
		at = next
	}
	last := tokens[len(tokens)-1]
	switch {
	case len(tokens) == 1:
		if value == nil && last == "keywords" {
			value = map[string]any{}
		}
		at[last] = value
	case value == nil:
		k, ok := jmap.ParseKeyword(last)
		if tokens[0] == "keywords" {
			last = string(k)
		} else {
			ok = jmap.ValidID(last)
		}
		delete(at, last)
		return ok // what can be in no set is refused rather than taken out of it
	default:
		at[last] = value
	}
	return true
}

// naiveSet reads a set: an object whose values are true.
func naiveSet(v any, parse func(string) (string, bool)) (map[string]bool, bool) {
	members, ok := v.(map[string]any)
	out := map[string]bool{}
	for k, on := range members {
		parsed, valid := parse(k)
		ok = ok && valid && on == true
		out[parsed] = true
	}
	return out, ok
}

// ask runs one call and returns the arguments of the response.
func ask(t *testing.T, h *Handler, p *Person, call string) ijson.Value {
	t.Helper()
	out, bad := h.process(context.Background(), p, `{"using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail"],"methodCalls":[`+call+`]}`, "")
	if bad != nil {
		t.Fatal(bad.detail)
	}
	v, err := ijson.Parse(string(out), ijson.Limits{Depth: 100, Values: 10000})
	if err != nil {
		t.Fatal(err)
	}
	return v.Get("methodResponses").Elems()[0].Elems()[1]
}

func emailSets(t *testing.T, h *Handler, p *Person) sets {
	t.Helper()
	v := ask(t, h, p, `["Email/get",{"accountId":"a1","ids":["e1"],"properties":["keywords","mailboxIds"]},"0"]`)
	email := v.Get("list").Elems()[0]
	out := sets{}
	for _, name := range []string{"keywords", "mailboxIds"} {
		out[name] = map[string]bool{}
		for _, m := range email.Get(name).Elems() {
			out[name][m.Name()] = true
		}
	}
	return out
}
