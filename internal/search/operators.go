package search

import (
	"slices"
	"strings"

	"cofferdam/internal/jmap"
)

// operator is a word before a colon.
type operator struct {
	name    string
	aliases []string
	// field is where the words of the value are looked for; nil if the value is
	// no text.
	field func(*jmap.EmailCondition) *string
	// people: "me" stands for the person's own addresses.
	people bool
	// value reads a value that is no text; nil: not understood.
	value func(value string, env *Env) *Filter
}

// operators are all there are, in the order in which a client offers them.
var operators = []operator{
	{name: "from", people: true, field: func(c *jmap.EmailCondition) *string { return &c.From }},
	{name: "to", people: true, field: func(c *jmap.EmailCondition) *string { return &c.To }},
	{name: "cc", people: true, field: func(c *jmap.EmailCondition) *string { return &c.Cc }},
	{name: "bcc", people: true, field: func(c *jmap.EmailCondition) *string { return &c.Bcc }},
	{name: "subject", field: func(c *jmap.EmailCondition) *string { return &c.Subject }},
	{name: "body", field: func(c *jmap.EmailCondition) *string { return &c.Body }},
	{name: "has", value: has},
	{name: "in", aliases: []string{"folder"}, value: in},
	{name: "is", value: is},
	{name: "before", value: before},
	{name: "after", aliases: []string{"since"}, value: after},
	{name: "on", aliases: []string{"date"}, value: on},
	{name: "older_than", value: olderThan},
	{name: "newer_than", value: newerThan},
	{name: "larger", aliases: []string{"larger_than"}, value: larger},
	{name: "smaller", aliases: []string{"smaller_than"}, value: smaller},
	{name: "tag", aliases: []string{"label", "keyword"}, value: tag},
}

// Operators are the names of all operators, for a client to offer.
func Operators() []string {
	names := make([]string, len(operators))
	for i := range operators {
		names[i] = operators[i].name
	}
	return names
}

// find returns the operator of a name in any case, or nil.
func find(name string) *operator {
	name = strings.ToLower(name)
	for i := range operators {
		if o := &operators[i]; o.name == name || slices.Contains(o.aliases, name) {
			return o
		}
	}
	return nil
}

// title is the name of an operator, "" of none.
func (o *operator) title() string {
	if o == nil {
		return ""
	}
	return o.name
}

// read reads a value; nil: not understood.
func (o *operator) read(value string, env *Env) *Filter {
	if o.field != nil {
		return o.words(value, env)
	}
	return o.value(value, env)
}

// words looks for a word or phrase in the field of o, or anywhere if o is nil. It
// returns nil if there is nothing to look for.
func (o *operator) words(text string, env *Env) *Filter {
	if o != nil && o.people && strings.EqualFold(text, "me") && len(env.Me) > 0 {
		var any []*Filter
		for _, address := range env.Me {
			any = append(any, o.text(address))
		}
		return join(jmap.OpOr, any)
	}
	// Words are found inside of others anyway.
	if cut := strings.TrimRight(text, "*"); cut != "" {
		text = cut
	}
	if strings.TrimSpace(text) == "" {
		return nil
	}
	return o.text(text)
}

func (o *operator) text(text string) *Filter {
	c := new(jmap.EmailCondition)
	if o == nil {
		c.Text = quote(text)
	} else {
		*o.field(c) = quote(text)
	}
	return &Filter{Leaf: c}
}

// quote writes a word or phrase as a text of RFC 8621, section 4.4.1.
func quote(text string) string {
	if !strings.ContainsAny(text, "'\"\\ \t\r\n\v\f\u0085\u00a0") {
		return text
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `'`, `\'`).Replace(text) + `"`
}

// has is for attachments, which is what the index knows.
func has(value string, _ *Env) *Filter {
	switch strings.ToLower(value) {
	case "attachment", "attachments", "file", "files":
		yes := true
		return &Filter{Leaf: &jmap.EmailCondition{HasAttachment: &yes}}
	}
	return nil
}

// in is one of the Mailboxes that have the name; "anywhere" is all.
func in(value string, env *Env) *Filter {
	if v := strings.ToLower(value); v == "anywhere" || v == "all" {
		return &Filter{Leaf: new(jmap.EmailCondition)}
	}
	if env.Mailboxes == nil {
		return nil
	}
	var any []*Filter
	for _, id := range env.Mailboxes(value) {
		any = append(any, &Filter{Leaf: &jmap.EmailCondition{InMailbox: id}})
	}
	return join(jmap.OpOr, any)
}

// is asks for one of the keywords that every mail program shows.
func is(value string, _ *Env) *Filter {
	v := strings.ToLower(value)
	if k, ok := states[v]; ok {
		return &Filter{Leaf: &jmap.EmailCondition{HasKeyword: k}}
	}
	if k, ok := states[strings.TrimPrefix(v, "un")]; ok && strings.HasPrefix(v, "un") {
		return &Filter{Leaf: &jmap.EmailCondition{NotKeyword: k}}
	}
	return nil
}

// states are keywords of RFC 8621, section 4.1.1, by the words people have for
// them; "un" before one is the contrary.
var states = map[string]jmap.Keyword{
	"read": "$seen", "seen": "$seen", "starred": "$flagged", "flagged": "$flagged",
	"answered": "$answered", "replied": "$answered", "forwarded": "$forwarded", "draft": "$draft",
}

// tag is any other keyword.
func tag(value string, _ *Env) *Filter {
	k, ok := jmap.ParseKeyword(value)
	if !ok {
		return nil
	}
	return &Filter{Leaf: &jmap.EmailCondition{HasKeyword: k}}
}
