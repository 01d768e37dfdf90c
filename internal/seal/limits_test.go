package seal

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestLimits: what is as large as it may be passes, and one more is ErrLimit.
func TestLimits(t *testing.T) {
	params := func(p StretchParams) func(int) error {
		return func(more int) error {
			if more > 0 { // beyond the limit that p stands at
				switch {
				case p.Memory == MinMemory:
					p.Memory--
				case p.Memory == MaxMemory:
					p.Memory++
				case p.Time == MinTime:
					p.Time--
				case p.Time == MaxTime:
					p.Time++
				default:
					p.Threads++
				}
			}
			return p.Validate()
		}
	}
	k, err := NewUMK().ClassKey(testUser(1), ClassMail, 1)
	must(t, err)
	for limit, check := range map[string]func(more int) error{
		"MinMemory":  params(StretchParams{MinMemory, 3, 1}),
		"MaxMemory":  params(StretchParams{MaxMemory, 3, 1}),
		"MinTime":    params(StretchParams{64 << 10, MinTime, 1}),
		"MaxTime":    params(StretchParams{64 << 10, MaxTime, 1}),
		"MaxThreads": params(StretchParams{64 << 10, 3, MaxThreads}),
		"MaxRecordID": func(more int) error {
			_, err := k.SealRecord(make([]byte, MaxRecordID+more), 1, []byte("x"))
			return err
		},
		"MaxCredentialBox": func(more int) error {
			_, err := SealSession(NewEpoch(0), NewSessionToken(), testUser(1), Session{Expiry: time.Now().Add(time.Hour), Credential: make([]byte, MaxCredentialBox+more)})
			return err
		},
	} {
		if err := check(0); err != nil {
			t.Errorf("%s: %v", limit, err)
		}
		wantErr(t, limit+" and one more", check(1), ErrLimit)
	}
	synctest.Test(t, func(t *testing.T) {
		for more, want := range []error{nil, ErrLimit} {
			_, err := SealSession(NewEpoch(0), NewSessionToken(), testUser(1), Session{Expiry: time.Now().Add(MaxSessionLife + time.Duration(more)*time.Second)})
			if want == nil {
				must(t, err)
			} else {
				wantErr(t, "MaxSessionLife and a second", err, want)
			}
		}
	})
}
