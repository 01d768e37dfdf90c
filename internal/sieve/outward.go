package sieve

import (
	"net/mail"
	"slices"
	"strings"
)

// Target is something of a script that reaches beyond the account.
type Target struct {
	// Kind is the command, such as "redirect".
	Kind string
	// Value is where to: an address, a URI. It says everything if Fixed.
	Value string
	// Fixed is false if what the script reaches can only be known by running it,
	// or if the command is not known: then only the whole script can be compared.
	Fixed bool
	Line  int
}

// Outward lists what in a script reaches beyond the account: whither mail is sent
// on, and for whom an automatic answer speaks. own reports whether an address is
// the person's.
func (s *Script) Outward(own func(address string) bool) []Target {
	w := walker{own: own}
	w.commands(s.Commands)
	return w.found
}

// Calls reports whether a script has a command of one of these names.
func (s *Script) Calls(names ...string) bool { return calls(s.Commands, names) }

func calls(list []Node, names []string) bool {
	return slices.ContainsFunc(list, func(n Node) bool {
		return slices.Contains(names, n.Name) || calls(n.Block, names)
	})
}

// Includes lists the personal scripts that a script includes (RFC 6609).
func (s *Script) Includes() []string { return includes(s.Commands, nil) }

func includes(list []Node, found []string) []string {
	for i := range list {
		n := &list[i]
		found = includes(n.Block, found)
		if n.Name != "include" || slices.ContainsFunc(n.Args, func(a Arg) bool { return a.Tag == "global" }) {
			continue
		}
		for _, a := range n.Args {
			found = append(found, a.Strings...)
		}
	}
	return found
}

// inwardCommand reports whether a command leaves nothing out of the account. An
// answer of reject goes to the sender of the mail alone, and says nothing but
// what the script says.
func inwardCommand(name string) bool {
	switch name {
	case "require", "if", "elsif", "else", "stop", "keep", "discard", "fileinto", // RFC 5228
		"reject", "ereject", // RFC 5429
		"setflag", "addflag", "removeflag", // RFC 5232
		"addheader", "deleteheader", // RFC 5293
		"set",                         // RFC 5229
		"include", "return", "global", // RFC 6609
		"foreverypart", "break", "extracttext", "replace", "enclose", // RFC 5703
		"error", // RFC 5463
		"debug_log":
		return true
	}
	return false
}

// inwardTest reports whether a test only looks.
func inwardTest(name string) bool {
	switch name {
	case "address", "allof", "anyof", "envelope", "exists", "false", "header", "not", "size", "true", // RFC 5228
		"body",                // RFC 5173
		"date", "currentdate", // RFC 5260
		"hasflag",               // RFC 5232
		"string",                // RFC 5229
		"environment",           // RFC 5183
		"spamtest", "virustest", // RFC 5235
		"ihave",          // RFC 5463
		"duplicate",      // RFC 7352
		"valid_ext_list", // RFC 6134
		"mailboxexists",  // RFC 5490
		"metadata", "metadataexists", "servermetadata", "servermetadataexists",
		"valid_notify_method", "notify_method_capability", // RFC 5435
		"specialuse_exists", "mailboxidexists": // RFC 8579, RFC 9042
		return true
	}
	return false
}

type walker struct {
	own   func(string) bool
	found []Target
}

func (w *walker) add(n *Node, value string, fixed bool) {
	w.found = append(w.found, Target{Kind: n.Name, Value: value, Fixed: fixed && !dynamic(value), Line: n.Line})
}

// dynamic reports whether a string may stand for another one: a variable (RFC
// 5229) or an encoded character (RFC 5228, section 2.4.2.4), required or not.
func dynamic(s string) bool { return strings.Contains(s, "${") }

func (w *walker) commands(list []Node) {
	for i := range list {
		n := &list[i]
		w.tests(n.Tests)
		w.commands(n.Block)
		switch {
		case inwardCommand(n.Name):
		case n.Name == "redirect":
			w.redirect(n)
		case n.Name == "notify":
			w.notify(n)
		case n.Name == "vacation":
			w.vacation(n)
		default:
			w.add(n, "", false)
		}
	}
}

func (w *walker) tests(list []Node) {
	for i := range list {
		if !inwardTest(list[i].Name) {
			w.add(&list[i], "", false)
		}
		w.tests(list[i].Tests)
	}
}

// redirect counts each string as an address. With a tag but :copy (RFC 3894) the
// string may be something else.
func (w *walker) redirect(n *Node) {
	plain := true
	for _, a := range n.Args {
		plain = plain && (a.Tag == "" || a.Tag == "copy")
	}
	for _, a := range n.Args {
		for _, s := range a.Strings {
			if !plain || dynamic(s) || !w.owns(s) {
				w.add(n, s, plain)
			}
		}
	}
}

// notify counts the strings of all tags that may name somebody (RFC 5435, section
// 3, and the drafts before it).
func (w *walker) notify(n *Node) {
	tag := ""
	for _, a := range n.Args {
		switch {
		case a.Tag != "":
			tag = a.Tag
			if !slices.Contains([]string{"from", "importance", "options", "message", "method", "id", "low", "normal", "high"}, tag) {
				w.add(n, "", false)
			}
			continue
		case !a.IsStrings(), tag == "message", tag == "importance", tag == "id":
		default:
			for _, s := range a.Strings {
				w.add(n, s, true)
			}
		}
		tag = ""
	}
	if len(n.Args) == 0 {
		w.add(n, "", false)
	}
}

// vacation answers the sender of a mail; for whom it speaks are :from and
// :addresses (RFC 5230).
func (w *walker) vacation(n *Node) {
	tag, mime := "", false
	for _, a := range n.Args {
		switch a.Tag {
		case "":
		case "mime":
			mime = true
			continue
		case "create":
			continue
		case "days", "seconds", "subject", "handle", "fcc", "flags", "specialuse", "mailboxid", "from", "addresses":
			tag = a.Tag
			continue
		default:
			w.add(n, "", false)
			continue
		}
		for _, s := range a.Strings {
			switch {
			case tag == "from" || tag == "addresses":
				if dynamic(s) || !w.owns(s) {
					w.add(n, s, true)
				}
			case tag == "" && mime && !onlyContentFields(s):
				w.add(n, "", false)
			}
		}
		tag = ""
	}
}

// owns reads an address with or without a name before it.
func (w *walker) owns(s string) bool {
	if w.own(s) {
		return true
	}
	a, err := mail.ParseAddress(s)
	return err == nil && w.own(a.Address)
}

// onlyContentFields reports whether a MIME part (RFC 5230, section 4.3) has no
// header field but Content-*: another one could speak for somebody else.
func onlyContentFields(part string) bool {
	for line := range strings.Lines(part) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case line == "":
			return true
		case dynamic(line):
			return false
		case line[0] == ' ' || line[0] == '\t':
			continue
		}
		name, _, ok := strings.Cut(line, ":")
		if !ok || len(name) < 8 || !strings.EqualFold(name[:8], "content-") {
			return false
		}
	}
	return true
}
