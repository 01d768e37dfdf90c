package courier

import (
	"net/http"
	"strings"
	"testing"

	"cofferdam/internal/ipc"
)

// TestLimitsOfAPush: a push as large as it may be comes through, and one more is
// refused before anything is sent (maxURL, maxBody, maxTTL).
func TestLimitsOfAPush(t *testing.T) {
	s := newService(t)
	url := func(n int) string { return s.URL + "/" + strings.Repeat("x", n-len(s.URL)-1) }
	for limit, edit := range map[string]func(r *ipc.CourierPushRequest, more int){
		"maxURL":  func(r *ipc.CourierPushRequest, more int) { r.URL = url(maxURL + more) },
		"maxBody": func(r *ipc.CourierPushRequest, more int) { r.Body, r.Encoding = make([]byte, maxBody+more), "" },
		"maxTTL":  func(r *ipc.CourierPushRequest, more int) { r.TTL = maxTTL + more },
	} {
		for more, want := range []ipc.Code{"", ipc.CodeInvalid} {
			r := request(s.URL + "/" + limit)
			edit(&r, more)
			out, err := newCourier(t, config(t, s)).push("cell/0")(t.Context(), r)
			if ipc.CodeOf(err) != want || more == 0 && out.Status != http.StatusCreated {
				t.Errorf("%s and %d: %+v, %v", limit, more, out, err)
			}
		}
	}
	if n := len(s.requests()); n != 3 {
		t.Errorf("%d requests came through, want 3", n)
	}
}
