package records

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"cofferdam/internal/seal"
	"cofferdam/internal/user"
)

// TestVectors reads docs/formats/vectors/record-id.json, which was made by
// another program (docs/formats/record.md).
func TestVectors(t *testing.T) {
	text, err := os.ReadFile("../../docs/formats/vectors/record-id.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		ClassKey string `json:"classKey"`
		IDs      []struct{ Logical, Stored, Data, Body string }
	}
	if err := json.Unmarshal(text, &v); err != nil || len(v.IDs) == 0 {
		t.Fatalf("%v, %d ids", err, len(v.IDs))
	}
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	k, err := seal.ParseClassKey(user.NewID(), seal.ClassOutbox, 1, unhex(v.ClassKey))
	if err != nil {
		t.Fatal(err)
	}
	names := newIDs(k)
	for _, x := range v.IDs {
		logical := string(unhex(x.Logical))
		if got := hex.EncodeToString(names.stored(logical)); got != x.Stored {
			t.Errorf("%s is stored as %s, want %s", x.Logical, got, x.Stored)
		}
		if got := hex.EncodeToString(body(logical, unhex(x.Data))); got != x.Body {
			t.Errorf("body %s, want %s", got, x.Body)
		}
	}
}
