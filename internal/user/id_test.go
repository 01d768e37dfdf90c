package user

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestIDRoundTrip(t *testing.T) {
	id := NewID()
	got, err := ParseID(id.String())
	if err != nil || got != id {
		t.Fatalf("ParseID(%q) = %v, %v; want the same id", id.String(), got, err)
	}
	got, err = IDFromBytes(id.Bytes())
	if err != nil || got != id {
		t.Fatalf("IDFromBytes = %v, %v; want %v", got, err, id)
	}
	if len(id.Hex()) != 32 {
		t.Errorf("Hex() = %q, want 32 digits", id.Hex())
	}
}

func TestIDsDiffer(t *testing.T) {
	one, two := NewID(), NewID()
	if one == two || one.IsZero() {
		t.Errorf("two new ids: %v, %v", one, two)
	}
}

func TestParseIDIsStrict(t *testing.T) {
	good := ID{1, 2, 3}.String()
	for name, s := range map[string]string{
		"empty":        "",
		"short":        good[:21],
		"padded":       good + "==",
		"zero":         strings.Repeat("A", 22),
		"line break":   good[:10] + "\n" + good[11:],
		"stray bits":   good[:21] + "B",
		"std alphabet": "+" + good[1:],
	} {
		if _, err := ParseID(s); !errors.Is(err, ErrBadID) {
			t.Errorf("%s: ParseID(%q) = %v, want ErrBadID", name, s, err)
		}
	}
	for _, b := range [][]byte{nil, make([]byte, 16), make([]byte, 17)} {
		if _, err := IDFromBytes(b); !errors.Is(err, ErrBadID) {
			t.Errorf("IDFromBytes(%v) = %v, want ErrBadID", b, err)
		}
	}
}

func TestIDInJSON(t *testing.T) {
	type row struct{ UID ID }
	want := row{NewID()}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got row
	if err := json.Unmarshal(text, &got); err != nil || got != want {
		t.Fatalf("%s gave %v, %v; want %v", text, got, err, want)
	}
	if _, err := json.Marshal(row{}); err == nil {
		t.Error("the zero id was written; want an error")
	}
}

func FuzzParseID(f *testing.F) {
	f.Add(ID{1}.String())
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseID(s)
		if err == nil && id.String() != s {
			t.Errorf("ParseID(%q) reads back as %q", s, id)
		}
	})
}
