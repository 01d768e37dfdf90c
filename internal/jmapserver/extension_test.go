package jmapserver_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmapserver"
)

// RFC 8620, sections 1.8 and 2: the capability of ours is a URL at the domain of
// who runs this server, in the Session object and in "using", and nothing else is.
func TestExtensionIsURL(t *testing.T) {
	w := newWorld(t, jmapserver.Limits{})
	name := "https://mail.example.org" + jmap.CapabilityVendor
	session := w.do("GET", "/jmap/session", "").Body.String()
	if n := strings.Count(session, `"`+name+`":`); n != 3 {
		t.Errorf("the Session object has it %d times, not in capabilities, accountCapabilities and primaryAccounts\n%s", n, session)
	}
	if strings.Contains(session, `"`+jmap.CapabilityVendor) {
		t.Errorf("the Session object has a path for a capability\n%s", session)
	}
	for using, want := range map[string]int{
		name:                  http.StatusOK,
		jmap.CapabilityVendor: http.StatusBadRequest,
		"https://other.example.org" + jmap.CapabilityVendor: http.StatusBadRequest,
	} {
		code, body := w.post(`{"using":["urn:ietf:params:jmap:core","` + using + `"],"methodCalls":[["MessageView/get",{"accountId":"a1","ids":[]},"0"]]}`)
		if code != want || (want == http.StatusOK) != strings.Contains(string(body), `["MessageView/get"`) {
			t.Errorf("using %s: %d %s", using, code, body)
		}
	}
}

// RFC 8620, section 1.8: the URL leads to documentation of what the extension
// changes: it has each method and each property that is announced.
func TestExtensionIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../web/public" + jmap.CapabilityVendor)
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range jmapserver.MethodsOf(jmap.CapabilityVendor) {
		if !strings.Contains(string(page), "\n"+method+"\n---") {
			t.Errorf("%s has no section", method)
		}
	}
	const name = "https://mail.example.org" + jmap.CapabilityVendor
	var session struct {
		Capabilities map[string]map[string]any
		Accounts     map[string]struct {
			AccountCapabilities map[string]map[string]any
		}
	}
	w := newWorld(t, jmapserver.Limits{})
	if err := json.Unmarshal(w.do("GET", "/jmap/session", "").Body.Bytes(), &session); err != nil {
		t.Fatal(err)
	}
	of, ours := session.Capabilities[name], session.Accounts["a1"].AccountCapabilities[name]
	if len(of) == 0 || len(ours) == 0 {
		t.Fatalf("%v %v", of, ours)
	}
	maps.Copy(of, ours)
	for property := range of {
		if !strings.Contains(string(page), "\n  "+property+" ") {
			t.Errorf("%s is not described", property)
		}
	}
}
