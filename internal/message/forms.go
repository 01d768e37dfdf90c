package message

import (
	"fmt"
	"strings"
)

// Form is a parsed form of a header field (RFC 8621, section 4.1.2).
type Form byte

const (
	FormRaw Form = iota
	FormText
	FormAddresses
	FormGroupedAddresses
	FormMessageIDs
	FormDate
	FormURLs
)

var formNames = [...]string{"Raw", "Text", "Addresses", "GroupedAddresses", "MessageIds", "Date", "URLs"}

// String is the form's name as in a property's ":as" suffix.
func (f Form) String() string {
	if int(f) < len(formNames) {
		return formNames[f]
	}
	return fmt.Sprintf("Form(%d)", byte(f))
}

// HeaderProperty is a property such as "header:Subject:asText:all".
type HeaderProperty struct {
	Name string // field name as the client wrote it
	Form Form
	All  bool
}

// ParseHeaderProperty reads a property name (RFC 8621, section 4.1.3). The
// error says why it is none, or that the form is not allowed for the field.
func ParseHeaderProperty(property string) (HeaderProperty, error) {
	rest, ok := strings.CutPrefix(property, "header:")
	if !ok {
		return HeaderProperty{}, fmt.Errorf("%q is not a header property", property)
	}
	parts := strings.Split(rest, ":")
	p := HeaderProperty{Name: parts[0]}
	if !isFieldName([]byte(p.Name)) || p.Name == "" {
		return p, fmt.Errorf("%q has no valid header field name", property)
	}
	parts = parts[1:]
	if len(parts) > 0 && strings.HasPrefix(parts[0], "as") {
		form, ok := formNamed(parts[0][2:])
		if !ok {
			return p, fmt.Errorf("%q asks for an unknown form", property)
		}
		p.Form, parts = form, parts[1:]
	}
	if len(parts) > 0 && parts[0] == "all" {
		p.All, parts = true, parts[1:]
	}
	if len(parts) > 0 {
		return p, fmt.Errorf("%q has an unknown suffix", property)
	}
	if !p.Form.AllowedFor(p.Name) {
		return p, fmt.Errorf("form %s is not defined for %s", p.Form, p.Name)
	}
	return p, nil
}

func formNamed(s string) (Form, bool) {
	for i, n := range formNames {
		if n == s {
			return Form(i), true
		}
	}
	return 0, false
}

// AllowedFor says whether a field may be asked for or set in this form: each
// field of RFC 5322 and RFC 2369 has its own ones, all others any.
func (f Form) AllowedFor(field string) bool {
	if f == FormRaw {
		return true
	}
	switch strings.ToLower(field) {
	case "subject", "comments", "keywords", "list-id":
		return f == FormText
	case "from", "sender", "reply-to", "to", "cc", "bcc",
		"resent-from", "resent-sender", "resent-reply-to", "resent-to", "resent-cc", "resent-bcc":
		return f == FormAddresses || f == FormGroupedAddresses
	case "message-id", "in-reply-to", "references", "resent-message-id":
		return f == FormMessageIDs
	case "date", "resent-date":
		return f == FormDate
	case "list-help", "list-unsubscribe", "list-subscribe", "list-post", "list-owner", "list-archive":
		return f == FormURLs
	case "return-path", "received":
		return false // defined in RFC 5322, and in no form's list
	}
	return true
}
