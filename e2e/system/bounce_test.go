package system

import (
	"testing"
	"time"

	"cofferdam/e2e/platform"
)

// TestBounce: Postfix takes a mail to a domain that it cannot reach, and tells its
// sender by a notification (RFC 3464). The submission's status says so, and names it.
func TestBounce(t *testing.T) {
	p := platform.Start(t, platform.Options{People: 1, Postfix: true})
	s := Start(t, p, Options{})
	one := signInAll(t, s, p.Users)[0]
	out, err := one.Ready(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const to = "somebody@elsewhere.test"
	out.To, out.Subject, out.Text, out.MessageID = to, "to nowhere", "Hello.", "bounce@cofferdam.test"
	id, err := one.SendHeld(t.Context(), out, 0)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		list, err := one.GetSubmissions(t.Context(), id)
		if err != nil || len(list) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		status := list[0].DeliveryStatus[to]
		if status.Delivered == "no" && len(list[0].DSNBlobIDs) == 1 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the notification was not heard: %+v", list[0])
		}
	}
}
