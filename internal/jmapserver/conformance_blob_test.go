package jmapserver_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmapserver"
)

// digests are the "HTTP Digest Algorithm Values" of IANA's registry, as RFC 9404,
// section 3.1 writes them.
var digests = []string{"md5", "sha", "unixsum", "unixcksum", "crc32c", "sha-256", "sha-512", "id-sha", "id-sha-256", "id-sha-512"}

// RFC 9404, section 3.1.
func TestBlobCapability(t *testing.T) {
	w := newWorld(t, jmapserver.Limits{})
	var s struct {
		Capabilities map[string]json.RawMessage
		Accounts     map[string]struct {
			AccountCapabilities map[string]struct {
				MaxSizeBlobSet, MaxDataSources                int
				SupportedTypeNames, SupportedDigestAlgorithms []string
			}
		}
	}
	if err := json.Unmarshal(w.do("GET", "/jmap/session", "").Body.Bytes(), &s); err != nil {
		t.Fatal(err)
	}
	if got := string(s.Capabilities[jmap.CapabilityBlob]); got != "{}" {
		t.Errorf("in capabilities: %s", got)
	}
	a, ok := s.Accounts["a1"].AccountCapabilities[jmap.CapabilityBlob]
	if !ok || a.MaxSizeBlobSet == 0 || a.MaxDataSources < 64 || !slices.Contains(a.SupportedTypeNames, "Email") || len(a.SupportedDigestAlgorithms) == 0 {
		t.Errorf("of the account: %+v", a)
	}
	for _, d := range a.SupportedDigestAlgorithms {
		if !slices.Contains(digests, d) {
			t.Errorf("digest %q is not in the registry, or not in lower case", d)
		}
	}
}

// RFC 9404, section 4.1: as many sources as are announced, and no more; bytes are
// kept whatever they are said to be.
func TestBlobUploadTakes(t *testing.T) {
	w := newWorld(t, jmapserver.Limits{})
	upload := func(n int, kind string) string {
		sources := slices.Repeat([]string{`{"data:asText":"x"}`}, n)
		_, body := w.post(`{"using":` + allCapabilities + `,"methodCalls":[["Blob/upload",{"accountId":"a1","create":{"b":{"type":"` + kind +
			`","data":[` + strings.Join(sources, ",") + `]}}},"0"],["Blob/get",{"accountId":"a1","ids":["#b"],"properties":["data:asText"]},"1"]]}`)
		return string(body)
	}
	for _, n := range []int{64, 100} {
		want := fmt.Sprintf(`"type":"image/png","size":%d`, n)
		if got := upload(n, "image/png"); !strings.Contains(got, want) || !strings.Contains(got, `"data:asText":"`+strings.Repeat("x", n)+`"`) {
			t.Errorf("%d sources: %s", n, got)
		}
	}
	if got := upload(101, "image/png"); !strings.Contains(got, `"created":null,"notCreated":{"b":{"type":"tooLarge"`) {
		t.Errorf("101 sources: %s", got)
	}
}

// RFC 9404, section 5: a lookup tells of the account that it asks, and of no other
// that has the blob.
func TestBlobLookupStaysInside(t *testing.T) {
	w := newWorld(t, jmapserver.Limits{})
	w.setup(t, "team-account")
	look := func(account, blob string) string {
		_, body := w.post(`{"using":` + allCapabilities + `,"methodCalls":[["Blob/lookup",{"accountId":"` + account + `","typeNames":["Email"],"ids":["` + blob + `"]},"0"]]}`)
		return string(body)
	}
	if got := look("a2", "U-new1"); !strings.Contains(got, `"Email":["n1"]`) {
		t.Fatalf("in its own account: %s", got)
	}
	if got := look("a1", "U-new1"); !strings.Contains(got, `"matchedIds":{"Email":[]}`) {
		t.Errorf("in another account: %s", got)
	}
	w.person.Accounts = w.person.Accounts[:1] // the team's is not this person's any more
	if got := look("a2", "U-new1"); !strings.Contains(got, `"accountNotFound"`) {
		t.Errorf("in an account of others: %s", got)
	}
}
