package ijson

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

var lim = Limits{Depth: 8, Values: 100}

func TestParseRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":                  "",
		"two values":               "1 2",
		"open array":               "[1",
		"open object":              `{"a":1`,
		"open string":              `"abc`,
		"open escape":              `"abc\`,
		"half a unicode escape":    `"\u12"`,
		"trailing comma":           "[1,]",
		"leading comma":            "[,1]",
		"trailing comma in object": `{"a":1,}`,
		"single quotes":            "'a'",
		"name without quotes":      "{a:1}",
		"comment":                  "[1] // x",
		"byte order mark":          "\ufeff[]",
		"control character":        "\"a\nb\"",
		"unknown escape":           `"\x"`,
		"leading zero":             "01",
		"leading plus":             "+1",
		"dot without digits":       "1.",
		"no digits before dot":     ".5",
		"empty exponent":           "1e",
		"beyond a double":          "1e400",    // RFC 7493, section 2.2
		"not a number":             "NaN",      // RFC 7493, section 2.2
		"invalid UTF-8":            "\"\xff\"", // RFC 7493, section 2.1
		"encoded surrogate":        "\"\xed\xa0\x80\"",
		"lone high surrogate":      `"\ud800"`,
		"lone low surrogate":       `"\udc00x"`,
		"swapped surrogates":       `"\udc00\ud800"`,
		"noncharacter":             "\"\uffff\"",
		"escaped noncharacter":     `"\ufdd0"`,
		"astral noncharacter":      `"\ud83f\udffe"`,
		"noncharacter in a name":   `{"\uffff":1}`,
		"duplicate name":           `{"a":1,"a":2}`, // RFC 7493, section 2.3
		"duplicate after escapes":  `{"a":1,"\u0061":2}`,
		"duplicate in a large one": `{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"k":1,"l":1,"m":1,"n":1,"o":1,"p":1,"q":1,"r":1,"c":2}`,
		"too deep":                 "[[[[[[[[[]]]]]]]]]",
		"word cut short":           "tru",
	} {
		if v, err := Parse(text, lim); err == nil {
			t.Errorf("%s: %q was read as kind %d", name, text, v.Kind())
		}
	}
	if _, err := Parse("["+strings.Repeat("0,", 100)+"0]", lim); !errors.Is(err, ErrValues) {
		t.Errorf("too many values: %v", err)
	}
	if _, err := Parse("[[[[[[[[]]]]]]]]", lim); err != nil {
		t.Errorf("depth at the limit: %v", err)
	}
}

func TestStrings(t *testing.T) {
	for text, want := range map[string]string{
		`""`:                         "",
		`"a\"\\\/\b\f\n\r\tz"`:       "a\"\\/\b\f\n\r\tz",
		`"\u00e9\uD83D\ude00\u0000"`: "é😀\x00",
		`"é😀"`:                       "é😀",
	} {
		v, err := Parse(text, lim)
		if got, ok := v.Str(); err != nil || !ok || got != want {
			t.Errorf("%s: got %q, %v", text, got, err)
		}
	}
	for in, want := range map[string]string{
		"a\"\\\n\r\t\x00\x1f": `"a\"\\\n\r\t\u0000\u001f"`,
		"x\xffy\uffffz\ufdd0": `"x` + "\ufffdy\ufffdz\ufffd" + `"`,
		"é😀\x7f":              "\"é😀\x7f\"",
	} {
		if got := string(AppendString(nil, in)); got != want {
			t.Errorf("AppendString(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestInt(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "-0": 0, "12": 12, "1.0": 1, "1e2": 100, "-9007199254740991": -maxSafe} {
		v, _ := Parse(text, lim)
		if n, ok := v.Int(); !ok || n != want {
			t.Errorf("%s: got %d, %v", text, n, ok)
		}
	}
	for _, text := range []string{"1.5", "9007199254740992", "1e17", `"1"`, "1e-3"} {
		v, _ := Parse(text, lim)
		if n, ok := v.Int(); ok {
			t.Errorf("%s: got %d", text, n)
		}
	}
}

// The first block is RFC 6901, section 5; the second RFC 8620, section 3.7.
func TestResolve(t *testing.T) {
	doc := `{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"k\"l":6," ":7,"m~n":8,
		"list":[{"id":"a","e":["x","y"]},{"id":"b","e":[]},{"id":"c","e":["z"]}],
		"nest":[[[1,2],[3]],[[4]]],"*":{"*":5}}`
	v, err := Parse(doc, Limits{Depth: 8, Values: 100})
	if err != nil {
		t.Fatal(err)
	}
	for pointer, want := range map[string]string{
		"/foo": `["bar","baz"]`, "/foo/0": `"bar"`, "/": "0", "/a~1b": "1", "/c%d": "2", "/e^f": "3",
		`/k"l`: "6", "/ ": "7", "/m~0n": "8",
		"/list/*/id": `["a","b","c"]`, "/list/*/e": `["x","y","z"]`, "/list/*/e/*": `["x","y","z"]`,
		"/list/2/e": `["z"]`, "/nest/*": "[[1,2],[3],[4]]", "/nest/*/*": "[1,2,3,4]", "/*/*": "5",
	} {
		got, err := v.Resolve(pointer, plenty())
		if err != nil || string(got.Append(nil)) != want {
			t.Errorf("%s: got %s, %v; want %s", pointer, got.Append(nil), err, want)
		}
	}
	for _, pointer := range []string{"foo", "/nope", "/foo/2", "/foo/-", "/foo/00", "/foo/+1", "/foo/0/x", "/list/*/nope",
		"/a~b", "/m~", "/foo/99999999999999999999", "/list/*/e/0"} {
		if got, err := v.Resolve(pointer, plenty()); err == nil {
			t.Errorf("%s: got %s, want an error", pointer, got.Append(nil))
		}
	}
}

func TestEqual(t *testing.T) {
	for _, pair := range [][2]string{{`{"a":1,"b":[true,null]}`, `{"b":[true,null],"a":1.0}`}, {`"\u0061"`, `"a"`}} {
		a, _ := Parse(pair[0], lim)
		b, _ := Parse(pair[1], lim)
		if !Equal(a, b) {
			t.Errorf("%s and %s differ", pair[0], pair[1])
		}
	}
	for _, pair := range [][2]string{{"[1,2]", "[2,1]"}, {`{"a":1}`, `{"b":1}`}, {"true", "false"}, {"null", "0"}, {"[]", "{}"}} {
		a, _ := Parse(pair[0], lim)
		b, _ := Parse(pair[1], lim)
		if Equal(a, b) {
			t.Errorf("%s and %s are said to be equal", pair[0], pair[1])
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"using":["a"],"methodCalls":[["a",{"#b":{"path":"/*/c"}},"0"]]}`, `[1e3,"\ud83d\ude00",null,true,-0.5]`, `{"a":{"a":{}}}`, `"\u00`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := Parse(text, Limits{Depth: 32, Values: 1000})
		if err != nil {
			return
		}
		if !json.Valid([]byte(text)) {
			t.Fatalf("%q is no JSON at all", text)
		}
		again, err := Parse(string(v.Append(nil)), Limits{Depth: 32, Values: 1000})
		if err != nil || !Equal(v, again) {
			t.Fatalf("%q: not the same after writing: %v", text, err)
		}
	})
}

func FuzzResolve(f *testing.F) {
	f.Add(`{"a":[{"b":[1,2]},{"b":[3]}]}`, "/a/*/b")
	f.Add(`[[1],[2]]`, "/*/0")
	f.Add(`{"~":{"/":1}}`, "/~0/~1")
	f.Fuzz(func(t *testing.T, text, pointer string) {
		v, n, err := ParseCounted(text, Limits{Depth: 32, Values: 1000})
		if err != nil {
			return
		}
		got, err := v.Resolve(pointer, plenty())
		want, found := naiveResolve(v, strings.Split(pointer, "/"), pointer)
		if found != (err == nil) || found && !Equal(got, want) {
			t.Fatalf("%q of %q: %s, %v; naively %s, %t", pointer, text, got.Append(nil), err, want.Append(nil), found)
		}
		if err != nil {
			return
		}
		if _, m, err := ParseCounted(string(got.Append(nil)), Limits{Depth: 33, Values: 2000}); err != nil || m > n+1 {
			t.Fatalf("%q of %q: %d values became %d, %v", pointer, text, n, m, err)
		}
	})
}

// plenty is a budget that no test comes to the end of.
func plenty() *int {
	n := 1 << 40
	return &n
}

// naiveResolve is RFC 6901 with the "*" of RFC 8620, section 3.7, token by token
// over plain JSON.
func naiveResolve(v Value, tokens []string, pointer string) (Value, bool) {
	if pointer == "" {
		return v, true
	}
	if tokens[0] != "" {
		return Value{}, false
	}
	if len(tokens) == 1 {
		return v, true
	}
	token, rest := tokens[1], append([]string{""}, tokens[2:]...)
	if v.Kind() == Array && token == "*" {
		var all []Value
		for _, item := range v.Elems() {
			r, ok := naiveResolve(item, rest, pointer)
			if !ok {
				return Value{}, false
			}
			if r.Kind() == Array {
				all = append(all, r.Elems()...)
			} else {
				all = append(all, r)
			}
		}
		return NewArray(all), true
	}
	for i, item := range v.Elems() {
		escaped := strings.NewReplacer("~", "~0", "/", "~1").Replace(item.Name())
		if v.Kind() == Object && escaped == token || v.Kind() == Array && strconv.Itoa(i) == token {
			return naiveResolve(item, rest, pointer)
		}
	}
	return Value{}, false
}

func FuzzAppendString(f *testing.F) {
	f.Add("a\x00\xff\uffff")
	f.Fuzz(func(t *testing.T, s string) {
		v, err := Parse(string(AppendString(nil, s)), lim)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		got, _ := v.Str()
		if utf8.ValidString(s) && !strings.ContainsFunc(s, nonchar) && got != s {
			t.Fatalf("%q came back as %q", s, got)
		}
	})
}

// TestResolveWithinBudget: a pointer with many "*" costs the nesting times the size,
// and is given up when that is too much.
func TestResolveWithinBudget(t *testing.T) {
	v, err := Parse(strings.Repeat("[", 20)+"1,2,3"+strings.Repeat("]", 20), Limits{Depth: 32, Values: 100})
	if err != nil {
		t.Fatal(err)
	}
	pointer := strings.Repeat("/*", 20)
	budget := 200
	if got, err := v.Resolve(pointer, &budget); err != nil || got.Len() != 3 || budget >= 200-20*3 {
		t.Errorf("%d values, %v, %d left", got.Len(), err, budget)
	}
	budget = 60
	if _, err := v.Resolve(pointer, &budget); err != ErrBudget {
		t.Errorf("without a budget: %v", err)
	}
	budget = 1
	object, _ := Parse(`{"a":1,"b":2}`, Limits{Depth: 2, Values: 10})
	if _, err := object.Resolve("/a", &budget); err != ErrBudget {
		t.Errorf("an object without a budget: %v", err)
	}
}
