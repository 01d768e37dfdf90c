package jmap

import "strings"

// Address is an EmailAddress (RFC 8621, section 4.1.2.3).
type Address struct {
	Name  *string // nil is null
	Email string
}

// AddressGroup is an EmailAddressGroup (RFC 8621, section 4.1.2.4).
type AddressGroup struct {
	Name      *string // nil is null: addresses that are in no group
	Addresses []Address
}

// Header is an EmailHeader: a field as it stands in the message (RFC 8621,
// section 4.1.3).
type Header struct {
	Name  string
	Value string // Raw form
}

// HeaderForm is the form in which a header field's value is wanted or given
// (RFC 8621, section 4.1.2).
type HeaderForm uint8

// The forms.
const (
	FormRaw HeaderForm = iota
	FormText
	FormAddresses
	FormGroupedAddresses
	FormMessageIDs
	FormDate
	FormURLs
)

// HeaderProp names a property "header:{Name}:as{Form}:all".
type HeaderProp struct {
	Property string // the whole, capitals as in the request
	Name     string // of the field, capitals as in the request; matched without them
	Form     HeaderForm
	All      bool
}

// HeaderValue is the value of a HeaderProp: one instance for each field of that
// name if All was asked for, else the last one or none.
type HeaderValue []HeaderInstance

// HeaderInstance is the value of one header field. Which member counts is said
// by the form. nil and zero are null, where the form has one.
type HeaderInstance struct {
	Text      string         // FormRaw, FormText
	Strings   []string       // FormMessageIDs, FormURLs
	Addresses []Address      // FormAddresses
	Groups    []AddressGroup // FormGroupedAddresses
	Date      Date           // FormDate
}

// ParseHeaderProp reads the name of a property that begins with "header:". It
// returns false for a name that is not well formed, for a form that does not
// exist, and for one that the field does not allow (RFC 8621, sections 4.1.2
// and 4.1.3).
func ParseHeaderProp(s string) (HeaderProp, bool) {
	rest, ok := strings.CutPrefix(s, "header:")
	if !ok {
		return HeaderProp{}, false
	}
	p := HeaderProp{Property: s}
	name, suffix, more := strings.Cut(rest, ":")
	if !ValidFieldName(name) {
		return HeaderProp{}, false
	}
	p.Name = name
	if form, found := strings.CutPrefix(suffix, "as"); more && found {
		form, suffix, more = strings.Cut(form, ":")
		if p.Form, ok = formByName(form); !ok {
			return HeaderProp{}, false
		}
	}
	if more {
		if suffix != "all" {
			return HeaderProp{}, false
		}
		p.All = true
	}
	return p, FormAllowed(name, p.Form)
}

// ValidFieldName reports whether s may name a header field: one or more printable ASCII characters
// other than colon.
func ValidFieldName(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == ':' {
			return false
		}
	}
	return s != ""
}

func formByName(s string) (HeaderForm, bool) {
	switch s {
	case "Raw":
		return FormRaw, true
	case "Text":
		return FormText, true
	case "Addresses":
		return FormAddresses, true
	case "GroupedAddresses":
		return FormGroupedAddresses, true
	case "MessageIds":
		return FormMessageIDs, true
	case "Date":
		return FormDate, true
	case "URLs":
		return FormURLs, true
	}
	return 0, false
}

// FormAllowed reports whether the field may be fetched or set in the form: each
// field of RFC 5322 and RFC 2369 has the forms that RFC 8621, section 4.1.2
// lists, and any other field has all of them.
func FormAllowed(field string, form HeaderForm) bool {
	if form == FormRaw {
		return true
	}
	switch strings.ToLower(field) {
	case "subject", "comments", "keywords":
		return form == FormText
	case "from", "sender", "reply-to", "to", "cc", "bcc", "resent-from", "resent-sender",
		"resent-reply-to", "resent-to", "resent-cc", "resent-bcc":
		return form == FormAddresses || form == FormGroupedAddresses
	case "message-id", "in-reply-to", "references", "resent-message-id":
		return form == FormMessageIDs
	case "date", "resent-date":
		return form == FormDate
	case "list-help", "list-unsubscribe", "list-subscribe", "list-post", "list-owner", "list-archive":
		return form == FormURLs
	case "return-path", "received":
		return false // RFC 5322, section 3.6.7; in no list of RFC 8621
	}
	return true
}
