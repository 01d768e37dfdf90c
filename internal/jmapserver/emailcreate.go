package jmapserver

import (
	"slices"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/jmap/ijson"
)

// emailReader reads an Email to be created and gathers the names of all
// properties that are wrong (RFC 8621, section 4.6).
type emailReader struct {
	c      *call
	email  *jmap.EmailCreate
	values ijson.Value // bodyValues
	wrong  []string
	fields map[string]string // lower-case field name to the property that gave it
	parts  int
}

func (r *emailReader) bad(property string) {
	if !slices.Contains(r.wrong, property) {
		r.wrong = append(r.wrong, property)
	}
}

// readEmailCreate reads one member of create.
func (c *call) readEmailCreate(v ijson.Value) (*jmap.EmailCreate, *jmap.SetError) {
	r := &emailReader{c: c, fields: map[string]string{}}
	r.email = &jmap.EmailCreate{CreationID: jmap.CreationID(v.Name())}
	if v.Len() > maxProperties {
		return nil, &jmap.SetError{Type: jmap.SetInvalidProperties, Description: "too many properties"}
	}
	r.values = v.Get("bodyValues")
	for _, m := range v.Elems() {
		r.property(m)
	}
	if len(r.email.MailboxIDs) == 0 {
		r.bad("mailboxIds")
	}
	r.checkValues()
	r.body(v)
	if len(r.wrong) > 0 {
		return nil, invalid(r.wrong...)
	}
	return r.email, nil
}

// property reads one property of the Email, the body apart.
func (r *emailReader) property(m ijson.Value) {
	ok := true
	switch name := m.Name(); name {
	case "mailboxIds":
		r.email.MailboxIDs, ok = readSetOf(m, func(s string) (jmap.MailboxID, bool) {
			id, ok := r.c.reference(s)
			return jmap.MailboxID(id), ok
		})
	case "keywords":
		r.email.Keywords, ok = readSetOf(m, jmap.ParseKeyword)
	case "receivedAt":
		ok = readUTCDate(m, &r.email.ReceivedAt)
	case "bodyValues", "bodyStructure", "textBody", "htmlBody", "attachments":
	default:
		h := headerOf(name)
		if h.Name == "" {
			// Also "headers", and everything that is server-set.
			if h, ok = jmap.ParseHeaderProp(name); !ok || isContent(h.Name) {
				r.bad(name)
				return
			}
		}
		if strings.EqualFold(h.Name, "MIME-Version") {
			return // written by whoever composes the message
		}
		ok = r.field(h, m, &r.email.Headers, r.fields)
	}
	if !ok {
		r.bad(m.Name())
	}
}

func isContent(field string) bool {
	return len(field) >= 8 && strings.EqualFold(field[:8], "Content-")
}

// field reads the value of a header field into list. null stands for no field.
// seen knows the fields that are there already: one field MUST NOT be given by
// two properties.
func (r *emailReader) field(h jmap.HeaderProp, v ijson.Value, list *[]jmap.HeaderSet, seen map[string]string) bool {
	lower := strings.ToLower(h.Name)
	if other, twice := seen[lower]; twice {
		r.bad(other)
		return false
	}
	seen[lower] = h.Property
	if v.Kind() == ijson.Null {
		return true
	}
	items := []ijson.Value{v}
	if h.All {
		if v.Kind() != ijson.Array {
			return false
		}
		items = v.Elems()
	}
	set := jmap.HeaderSet{HeaderProp: h}
	for _, item := range items {
		in, ok := readInstance(h.Form, item)
		if !ok {
			return false
		}
		set.Value = append(set.Value, in)
	}
	*list = append(*list, set)
	return true
}

// readInstance reads the value of one header field in a form (RFC 8621, section
// 4.1.2).
func readInstance(form jmap.HeaderForm, v ijson.Value) (in jmap.HeaderInstance, ok bool) {
	switch form {
	case jmap.FormAddresses:
		in.Addresses, ok = readAddresses(v)
	case jmap.FormGroupedAddresses:
		in.Groups, ok = readGroups(v)
	case jmap.FormMessageIDs, jmap.FormURLs:
		in.Strings, ok = stringsOf(v)
	case jmap.FormDate:
		var s string
		if s, ok = v.Str(); ok {
			in.Date.Time, ok = jmap.ParseDate(s)
		}
	default:
		in.Text, ok = v.Str()
	}
	return in, ok
}

func readAddresses(v ijson.Value) ([]jmap.Address, bool) {
	if v.Kind() != ijson.Array {
		return nil, false
	}
	list := make([]jmap.Address, 0, v.Len())
	for _, e := range v.Elems() {
		var a jmap.Address
		var ok bool
		if a.Email, ok = e.Get("email").Str(); !ok || !only(e, "name", "email") || !readStringOrNull(e.Get("name"), &a.Name) {
			return nil, false
		}
		list = append(list, a)
	}
	return list, true
}

func readGroups(v ijson.Value) ([]jmap.AddressGroup, bool) {
	if v.Kind() != ijson.Array {
		return nil, false
	}
	list := make([]jmap.AddressGroup, 0, v.Len())
	for _, e := range v.Elems() {
		var g jmap.AddressGroup
		var ok bool
		if g.Addresses, ok = readAddresses(e.Get("addresses")); !ok || !only(e, "name", "addresses") || !readStringOrNull(e.Get("name"), &g.Name) {
			return nil, false
		}
		list = append(list, g)
	}
	return list, true
}

// only reports whether an object has no members but these.
func only(v ijson.Value, names ...string) bool {
	for _, m := range v.Elems() {
		if !slices.Contains(names, m.Name()) {
			return false
		}
	}
	return true
}

// readStringOrNull reads a String|null that may be left out.
func readStringOrNull(v ijson.Value, into **string) bool {
	if v.Kind() == ijson.Absent || v.Kind() == ijson.Null {
		return true
	}
	s, ok := v.Str()
	*into = &s
	return ok
}

// checkValues checks the members of bodyValues: isEncodingProblem and
// isTruncated MUST be false or left out.
func (r *emailReader) checkValues() {
	if r.values.Kind() == ijson.Absent || r.values.Kind() == ijson.Null {
		return
	}
	if r.values.Kind() != ijson.Object {
		r.bad("bodyValues")
	}
	for _, m := range r.values.Elems() {
		_, ok := m.Get("value").Str()
		ok = ok && only(m, "value", "isEncodingProblem", "isTruncated")
		for _, flag := range []string{"isEncodingProblem", "isTruncated"} {
			f := m.Get(flag)
			on, isBool := f.True()
			ok = ok && (f.Kind() == ijson.Absent || isBool && !on)
		}
		if !ok {
			r.bad("bodyValues")
		}
	}
}
