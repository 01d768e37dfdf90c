package jmap

import (
	"maps"
	"slices"
	"time"

	"cofferdam/internal/jmap/ijson"
)

// CapabilityVAPID is announced with the key that clients hand to push services (RFC
// 9749, section 3).
const CapabilityVAPID = "urn:ietf:params:jmap:webpush-vapid"

// PushSubscriptionID names a PushSubscription.
type PushSubscriptionID string

// PushSubscription is what is shown of one (RFC 8620, section 7.2): not where it
// leads, nor its keys.
type PushSubscription struct {
	ID             PushSubscriptionID
	DeviceClientID string
	// VerificationCode is there when the client has returned it: shown before, it
	// would prove nothing. "" is null.
	VerificationCode string
	Expires          time.Time // zero is null
	Types            []Type    // nil is null: all
}

// AppendJSON appends the properties that want holds for, and the id.
func (s *PushSubscription) AppendJSON(dst []byte, want func(string) bool) []byte {
	o := ijson.Open(dst)
	o.Str("id", string(s.ID))
	if want("deviceClientId") {
		o.Str("deviceClientId", s.DeviceClientID)
	}
	if want("verificationCode") {
		if s.VerificationCode == "" {
			o.Null("verificationCode")
		} else {
			o.Str("verificationCode", s.VerificationCode)
		}
	}
	if want("expires") {
		if s.Expires.IsZero() {
			o.Null("expires")
		} else {
			o.B = append(AppendUTCDate(append(o.Key("expires"), '"'), s.Expires), '"')
		}
	}
	if want("types") {
		if s.Types == nil {
			o.Null("types")
		} else {
			o.B = ijson.AppendStrings(o.Key("types"), s.Types)
		}
	}
	return o.Close()
}

// PushSubscriptionCreate is one to be made.
type PushSubscriptionCreate struct {
	DeviceClientID string
	URL            string
	Keys           *PushKeys // nil: what is pushed is in clear
	Expires        time.Time
	Types          []Type
}

// PushKeys are a client's keys (RFC 8291) as it wrote them.
type PushKeys struct{ P256DH, Auth string }

// PushSubscriptionUpdate is a change of one; nil leaves a property as it is.
type PushSubscriptionUpdate struct {
	VerificationCode *string
	Expires          *time.Time
	Types            *[]Type
}

// AppendPushVerification appends the object of RFC 8620, section 7.2.2.
func AppendPushVerification(dst []byte, id PushSubscriptionID, code string) []byte {
	o := ijson.Open(dst)
	o.Str("@type", "PushVerification")
	o.Str("pushSubscriptionId", string(id))
	o.Str("verificationCode", code)
	return o.Close()
}

// AppendStateChange appends a StateChange object (RFC 8620, section 7.1).
func AppendStateChange(dst []byte, changed map[AccountID]TypeStates) []byte {
	o := ijson.Open(dst)
	o.Str("@type", "StateChange")
	accounts := ijson.Open(o.Key("changed"))
	for _, id := range slices.Sorted(maps.Keys(changed)) {
		types := ijson.Open(accounts.Key(string(id)))
		for _, t := range slices.Sorted(maps.Keys(changed[id])) {
			types.Str(string(t), string(changed[id][t]))
		}
		accounts.B = types.Close()
	}
	o.B = accounts.Close()
	return o.Close()
}
