package push

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"cofferdam/internal/jmap"
	"cofferdam/internal/push/pushtest"
	"cofferdam/internal/seal"
)

// TestWiped: however a subscription ends, URL and keys are erased from memory.
func TestWiped(t *testing.T) {
	for name, end := range map[string]func(*Hub, *Session, jmap.PushSubscriptionID){
		"destroyed":    func(_ *Hub, s *Session, id jmap.PushSubscriptionID) { s.PushDestroy(id) },
		"session over": func(h *Hub, _ *Session, _ jmap.PushSubscriptionID) { h.End("s") },
		"person gone":  func(h *Hub, _ *Session, _ jmap.PushSubscriptionID) { h.Close() },
		"expired":      func(*Hub, *Session, jmap.PushSubscriptionID) { time.Sleep(2 * time.Hour) },
	} {
		synctest.Test(t, func(t *testing.T) {
			h := New(Config{Accounts: func() []Account { return nil }, Log: slog.New(slog.DiscardHandler),
				Send: func(context.Context, string, Message) (Answer, error) { return Answer{Status: 201}, nil }})
			t.Cleanup(h.Close)
			d, s := pushtest.New(), h.Session("s", true)
			sub, bad := s.PushCreate(&jmap.PushSubscriptionCreate{DeviceClientID: "d", URL: "https://push.example.net/secret",
				Keys: &jmap.PushKeys{P256DH: d.P256DH(), Auth: d.Auth()}, Expires: time.Now().Add(time.Hour)})
			if bad != nil {
				t.Fatal(bad)
			}
			synctest.Wait()
			h.mu.Lock()
			url, keys := h.subs[0].url.Reveal(), seal.Secret(*h.subs[0].keys).Reveal()
			h.mu.Unlock()
			if string(url) != "https://push.example.net/secret" || len(keys) == 0 {
				t.Fatal("control: nothing to erase")
			}
			end(h, s, sub.ID)
			synctest.Wait()
			h.mu.Lock()
			defer h.mu.Unlock()
			for _, b := range append(append([]byte(nil), url...), keys...) {
				if b != 0 {
					t.Fatalf("%s: something is left in memory", name)
				}
			}
		})
	}
}
