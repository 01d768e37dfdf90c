package account

import (
	"slices"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/message"
)

// propFields names the header field of each property that is one.
var propFields = []struct {
	prop jmap.EmailProps
	name string
}{
	{jmap.EmailPropMessageID, "Message-ID"}, {jmap.EmailPropInReplyTo, "In-Reply-To"},
	{jmap.EmailPropReferences, "References"}, {jmap.EmailPropSender, "Sender"}, {jmap.EmailPropFrom, "From"},
	{jmap.EmailPropTo, "To"}, {jmap.EmailPropCc, "Cc"}, {jmap.EmailPropBcc, "Bcc"},
	{jmap.EmailPropReplyTo, "Reply-To"}, {jmap.EmailPropSubject, "Subject"}, {jmap.EmailPropSentAt, "Date"},
}

// fieldsFor are the header fields to fetch for properties.
func fieldsFor(need jmap.EmailProps, headers []jmap.HeaderProp) []string {
	var names []string
	for _, p := range propFields {
		if need&p.prop != 0 {
			names = append(names, p.name)
		}
	}
	for _, h := range headers {
		if !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, h.Name) }) {
			names = append(names, h.Name)
		}
	}
	return names
}

// fillHeaders answers the "header:" properties and headers.
func fillHeaders(e *jmap.Email, h message.Header, want *jmap.EmailFields) {
	e.Values = headerValues(h, want.Headers)
	if want.Props&jmap.EmailPropHeaders != 0 {
		e.Headers = headerList(h)
	}
}

func headerList(h message.Header) []jmap.Header {
	out := make([]jmap.Header, len(h))
	for i, f := range h {
		out[i] = jmap.Header{Name: f.Name, Value: f.Raw()}
	}
	return out
}

func headerValues(h message.Header, props []jmap.HeaderProp) []jmap.HeaderValue {
	if len(props) == 0 {
		return nil
	}
	out := make([]jmap.HeaderValue, len(props))
	for i, p := range props {
		fields := h.All(p.Name)
		if !p.All && len(fields) > 1 {
			fields = fields[len(fields)-1:]
		}
		for _, f := range fields {
			out[i] = append(out[i], instance(f, p.Form))
		}
	}
	return out
}

// instance is one field in a form (RFC 8621, section 4.1.2).
func instance(f message.Field, form jmap.HeaderForm) jmap.HeaderInstance {
	var v jmap.HeaderInstance
	switch form {
	case jmap.FormRaw:
		v.Text = f.Raw()
	case jmap.FormText:
		v.Text = f.Text()
	case jmap.FormAddresses:
		v.Addresses = addresses(f.Addresses())
	case jmap.FormGroupedAddresses:
		v.Groups = groups(f.GroupedAddresses())
	case jmap.FormMessageIDs:
		v.Strings = f.MessageIDs()
	case jmap.FormURLs:
		v.Strings = f.URLs()
	case jmap.FormDate:
		if t, ok := f.Date(); ok {
			v.Date = jmap.Date{Time: t}
		}
	}
	return v
}

// addresses is never nil: a field that is there has a list, if an empty one.
func addresses(list []message.Address) []jmap.Address {
	out := make([]jmap.Address, len(list))
	for i, a := range list {
		out[i].Email = a.Email
		if a.Name != "" {
			out[i].Name = &list[i].Name
		}
	}
	return out
}

func groups(list []message.Group) []jmap.AddressGroup {
	out := make([]jmap.AddressGroup, len(list))
	for i, g := range list {
		out[i].Addresses = addresses(g.Addresses)
		if g.IsGroup || g.Name != "" {
			out[i].Name = &list[i].Name
		}
	}
	return out
}
