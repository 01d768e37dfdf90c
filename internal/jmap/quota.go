package jmap

import "cofferdam/internal/jmap/ijson"

// CapabilityQuota is that of Quotas (RFC 9425).
const CapabilityQuota = "urn:ietf:params:jmap:quota"

// TypeQuota is the type of Quota (RFC 9425, section 7.2).
const TypeQuota Type = "Quota"

// QuotaID names a Quota.
type QuotaID string

// Quota is a limit and how much of it is used (RFC 9425, section 4.1).
type Quota struct {
	ID           QuotaID
	ResourceType string // QuotaCount or QuotaOctets
	Used         uint64
	HardLimit    uint64
	Scope        string // "account"
	Name         string
	Types        []Type
}

// The resource types (RFC 9425, section 3.2).
const (
	QuotaCount  = "count"
	QuotaOctets = "octets"
)

// QuotaAccount is the scope of a quota on one account alone (section 3.1).
const QuotaAccount = "account"

// QuotaCondition is the FilterCondition of Quota/query (section 4.4). What is ""
// is not asked.
type QuotaCondition struct {
	Name         string
	Scope        string
	ResourceType string
	Type         Type
}

// AppendJSON appends the properties of q for which has is true.
func (q *Quota) AppendJSON(dst []byte, has func(string) bool) []byte {
	o := object(dst)
	o.str(true, "id", string(q.ID))
	o.str(has("resourceType"), "resourceType", q.ResourceType)
	if has("used") {
		o.Uint("used", q.Used)
	}
	if has("hardLimit") {
		o.Uint("hardLimit", q.HardLimit)
	}
	o.str(has("scope"), "scope", q.Scope)
	o.str(has("name"), "name", q.Name)
	if has("types") {
		o.B = ijson.AppendStrings(o.Key("types"), q.Types)
	}
	for _, none := range []string{"warnLimit", "softLimit", "description"} {
		if has(none) {
			o.Null(none)
		}
	}
	return o.Close()
}
