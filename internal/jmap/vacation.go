package jmap

import "time"

// CapabilityVacation is that of VacationResponse (RFC 8621, section 1.3.3).
const CapabilityVacation = "urn:ietf:params:jmap:vacationresponse"

// VacationID is the id of the one VacationResponse of an account (RFC 8621,
// section 8).
const VacationID = "singleton"

// TypeVacation has a state, and no /changes (RFC 8621, section 8).
const TypeVacation Type = "VacationResponse"

// Vacation is a VacationResponse (RFC 8621, section 8). nil is null.
type Vacation struct {
	IsEnabled                   bool
	FromDate, ToDate            *time.Time
	Subject, TextBody, HTMLBody *string
}

// VacationUpdate changes the VacationResponse: Set says of each property whether
// the one in To is to be taken.
type VacationUpdate struct {
	To  Vacation
	Set VacationProps
}

// VacationProps are properties of a VacationResponse.
type VacationProps uint8

// One bit a property; ParseVacationProp has their names.
const (
	VacationPropID VacationProps = 1 << iota
	VacationPropIsEnabled
	VacationPropFromDate
	VacationPropToDate
	VacationPropSubject
	VacationPropTextBody
	VacationPropHTMLBody

	AllVacationProps = VacationPropHTMLBody<<1 - 1
)

// ParseVacationProp returns the property of a VacationResponse with this name, or
// 0.
func ParseVacationProp(name string) VacationProps {
	for i, n := range [...]string{"id", "isEnabled", "fromDate", "toDate", "subject", "textBody", "htmlBody"} {
		if n == name {
			return 1 << i
		}
	}
	return 0
}

// Apply puts what u sets into v.
func (u *VacationUpdate) Apply(v *Vacation) {
	if u.Set&VacationPropIsEnabled != 0 {
		v.IsEnabled = u.To.IsEnabled
	}
	if u.Set&VacationPropFromDate != 0 {
		v.FromDate = u.To.FromDate
	}
	if u.Set&VacationPropToDate != 0 {
		v.ToDate = u.To.ToDate
	}
	if u.Set&VacationPropSubject != 0 {
		v.Subject = u.To.Subject
	}
	if u.Set&VacationPropTextBody != 0 {
		v.TextBody = u.To.TextBody
	}
	if u.Set&VacationPropHTMLBody != 0 {
		v.HTMLBody = u.To.HTMLBody
	}
}

// AppendJSON appends the properties of v that p names.
func (v *Vacation) AppendJSON(dst []byte, p VacationProps) []byte {
	o := object(dst)
	o.str(p&VacationPropID != 0, "id", VacationID)
	o.bool(p&VacationPropIsEnabled != 0, "isEnabled", v.IsEnabled)
	o.utcDateOrNull(p&VacationPropFromDate != 0, "fromDate", v.FromDate)
	o.utcDateOrNull(p&VacationPropToDate != 0, "toDate", v.ToDate)
	o.optional(p&VacationPropSubject != 0, "subject", v.Subject)
	o.optional(p&VacationPropTextBody != 0, "textBody", v.TextBody)
	o.optional(p&VacationPropHTMLBody != 0, "htmlBody", v.HTMLBody)
	return o.Close()
}
