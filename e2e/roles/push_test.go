package roles_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"cofferdam/internal/courier"
	"cofferdam/internal/ipc"
	"cofferdam/internal/seal"
)

// receiver starts courier with a push service that it may reach.
func (h *house) receiver() (url string, got *atomic.Int32) {
	h.t.Helper()
	got = new(atomic.Int32)
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		got.Add(1)
		w.WriteHeader(http.StatusCreated)
	}))
	h.t.Cleanup(s.Close)
	vapid, err := seal.NewVAPIDKey()
	if err != nil {
		h.t.Fatal(err)
	}
	key, err := vapid.Reveal()
	if err != nil {
		h.t.Fatal(err)
	}
	h.push = courier.Config{VAPIDKey: key, HostRate: 1000, Private: []netip.AddrPort{netip.MustParseAddrPort(s.Listener.Addr().String())},
		Roots: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})}
	h.start("courier")
	return s.URL, got
}

func (h *house) post(cell string, capability []byte, url string) (ipc.CourierPushed, error) {
	ctx, cancel := context.WithTimeout(h.t.Context(), 5*time.Second)
	defer cancel()
	return ipc.Call[ipc.CourierPushed](ctx, h.posts[cell], ipc.CourierPush, ipc.CourierPushRequest{Auth: ipc.Auth{Capability: capability},
		URL: url, Body: []byte("x"), TTL: 60})
}

// TestPushIsCovered: courier posts for live sessions alone, and for the cell that has
// them.
func TestPushIsCovered(t *testing.T) {
	h := newHouse(t)
	url, got := h.receiver()
	ada := h.mustSignIn(0)
	mine, other := ada.Grant.Cell, "cell/0"
	if mine == other {
		other = "cell/1"
	}
	capability := ada.Grant.Capability
	if out, err := h.post(mine, capability, url); err != nil || out.Status != http.StatusCreated {
		t.Fatalf("control: %+v, %v", out, err)
	}
	forged := bytes.Clone(capability)
	forged[20] ^= 1
	_, err := h.post(other, capability, url)
	wantCode(t, "from another cell", err, ipc.CodeForbidden)
	_, err = h.post(mine, forged, url)
	wantCode(t, "forged", err, ipc.CodeForbidden)
	_, err = h.post(mine, nil, url)
	wantCode(t, "without a capability", err, ipc.CodeForbidden)
	if _, err := ipc.Call[ipc.None](t.Context(), h.gate, ipc.KeeperSignOut, ada.Key); err != nil {
		t.Fatal(err)
	}
	_, err = h.post(mine, capability, url)
	wantCode(t, "after the session's end", err, ipc.CodeUnknown)
	if n := got.Load(); n != 1 {
		t.Errorf("the push service got %d requests, want that of the control", n)
	}
}

// TestPushNotForBasic: HTTP Basic has no session that a subscription could live as
// long as.
func TestPushNotForBasic(t *testing.T) {
	h := newHouse(t)
	url, got := h.receiver()
	u := h.platform.Users[0]
	s, err := h.signInAs(ipc.KindBasic, u.Address, u.Password, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.post(s.Grant.Cell, s.Grant.Capability, url)
	wantCode(t, "of a Basic session", err, ipc.CodeForbidden)
	h.mu.Lock()
	defer h.mu.Unlock()
	if r, ok := h.people[s.Grant.Cell+string(s.Grant.Session)]; !ok || !r.Basic {
		t.Error("the cell is not told that the session is of HTTP Basic")
	}
	if n := got.Load(); n != 0 {
		t.Errorf("%d requests came through", n)
	}
}

// TestHostileCourier: what courier may ask of keeper is one question, and no answer
// opens anything.
func TestHostileCourier(t *testing.T) {
	h := newHouse(t)
	ada := h.mustSignIn(0)
	keeper := ipc.NewClient(h.open("keeper-courier", 1, "keeper", nil))
	auth := ipc.Auth{Capability: ada.Grant.Capability}
	covered, err := ipc.Call[ipc.Covered](t.Context(), keeper, ipc.KeeperCovers, ipc.CoversRequest{Auth: auth, Cell: ada.Grant.Cell})
	if err != nil {
		t.Fatalf("control: %v", err)
	}
	h.mu.Lock()
	uid := h.people[ada.Grant.Cell+string(ada.Grant.Session)].UID
	h.mu.Unlock()
	if len(covered.Person) != 16 || bytes.Contains(covered.Person, uid[:8]) {
		t.Errorf("courier knows a person as %x", covered.Person)
	}
	for name, call := range map[string]func() error{
		"read records": func() error {
			_, err := ipc.Call[ipc.RecordPage](t.Context(), keeper, ipc.KeeperRecordList, ipc.RecordList{Auth: auth, Class: "mail", Limit: 10})
			return err
		},
		"write records": func() error {
			_, err := ipc.Call[ipc.RecordMark](t.Context(), keeper, ipc.KeeperRecordPut, ipc.RecordPut{Auth: auth, Record: ipc.Record{Class: "mail", ID: []byte("x"), Revision: 1, Data: []byte("x")}})
			return err
		},
		"end sessions": func() error {
			_, err := ipc.Call[ipc.None](t.Context(), keeper, ipc.KeeperSignOut, ada.Key)
			return err
		},
		"ask about no cell": func() error {
			_, err := ipc.Call[ipc.Covered](t.Context(), keeper, ipc.KeeperCovers, ipc.CoversRequest{Auth: auth, Cell: "gate"})
			return err
		},
		"ask about another cell": func() error {
			_, err := ipc.Call[ipc.Covered](t.Context(), keeper, ipc.KeeperCovers, ipc.CoversRequest{Auth: auth, Cell: "cell/9"})
			return err
		},
	} {
		if err := call(); err == nil {
			t.Errorf("courier could %s", name)
		}
	}
}
