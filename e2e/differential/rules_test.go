package differential

import (
	"html"
	netmail "net/mail"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"

	"cofferdam/e2e/platform"
)

// rule is one kind of difference that an RFC decides for us.
type rule struct {
	name string
	// words stand in this section, of RFC 8621 if it names no other.
	section, words string
	why            string
	match          func(d difference) bool
}

// undecided says that no RFC decides for us: a fault of ours that is known and not
// mended, or a question. Both are listed apart.
func (r rule) undecided() bool {
	return strings.HasPrefix(r.name, "OURS: ") || strings.HasPrefix(r.name, "OPEN: ")
}

// addressPath are the properties in the forms of addresses.
var addressPath = regexp.MustCompile(`^(from|to|cc|bcc|sender|replyTo|header:[A-Za-z-]+:as(Grouped)?Addresses(:all)?)(/|$)`)

// bodyPath are the properties of the body.
var bodyPath = regexp.MustCompile(`^(part|bodyValues|textBody|htmlBody|attachments|hasAttachment)(/|$)`)

// rules are asked in order; the first that matches takes the difference.
var rules = []rule{
	{"subParts of a single part", "4.1.4", `If the type is "multipart/*", this contains the body parts of each child.`,
		"Cyrus gives an empty list to parts that are no multipart; the type allows null, and nothing is contained.",
		func(d difference) bool { return d.path == "part/subParts" && d.ours == nil && empty(d.theirs) }},
	{"preview", "4.1.4", "The server may choose which part of the message to include in the preview",
		"Cyrus cuts at 60 octets, shows HTML's source, and gives none for an empty mail.",
		func(d difference) bool {
			s, ok := d.ours.(string)
			u, ok2 := d.theirs.(string)
			return d.path == "preview" && ok && (ok2 || d.theirs == absent) && utf8.RuneCountInString(s) <= 256 && len(u) <= 60+utf8.UTFMax && previews(d.email(), s)
		}},
	{"empty address field", "4.1.3", "If no header fields exist in the message with the requested name, the value is null",
		"The field is there and has no address: an empty list. Cyrus says null, as if it were not there.",
		func(d difference) bool {
			raw, ok := fieldOf(d)
			return addressPath.MatchString(d.path) && empty(d.ours) && d.theirs == nil && ok && !strings.Contains(raw, "@")
		}},
	{"header octets that are no UTF-8", "4.1.2.1", "A server SHOULD replace any octet or octet run with the high bit set that violates UTF-8 syntax with the unicode replacement character (U+FFFD).",
		"Cyrus leaves the whole field out of the Raw form. In the parsed forms it replaces the octets, we read them in the charset of the mail or in windows-1252.",
		func(d difference) bool {
			raw, ok := fieldOf(d)
			if !headerPath(d.path) || utf8.Valid(head(d.raw)) {
				return false
			}
			if list, isList := d.ours.([]any); isList && strings.HasSuffix(d.path, "headers") {
				return sameFields(slices.DeleteFunc(slices.Clone(list), func(f any) bool { return strings.Contains(f.(map[string]any)["value"].(string), "\uFFFD") }), d.theirs)
			}
			s, _ := d.ours.(string)
			return ok && !utf8.ValidString(raw) || strings.Contains(s, "\uFFFD")
		}},
	{"header fields with junk before them", "4.1.3", "This is a list of all header fields, in the same order they appear in the message.",
		"A line of white space or control characters before the name: Cyrus makes it part of the name, and cuts a header that a boundary ends.",
		func(d difference) bool {
			if d.path == "header:Delivered-To:asAddresses:all" {
				return junkFields(d.raw)
			}
			return (d.path == "headers" || d.path == "part/headers" || strings.HasSuffix(d.path, "headers/*/name") || strings.HasSuffix(d.path, "headers/*/value")) && junkFields(d.raw)
		}},
	{"encoded word out of place", "4.1.2.2", "Any text that looks like syntax per [RFC2047] but violates placement or white space rules per [RFC2047] MUST NOT be decoded.",
		"Cyrus decodes inside of quoted strings, beside other text, and with white space inside.",
		func(d difference) bool {
			s, ok := d.ours.(string)
			u, ok2 := d.theirs.(string)
			return ok && ok2 && headerPath(d.path) && decodedIn(s, u)
		}},
	{"white space at the ends of a name", "4.1.2.3", "White space is unfolded, and then any leading and trailing white space is removed.",
		"Cyrus keeps it.", func(d difference) bool {
			s, _ := d.ours.(string)
			u, ok := d.theirs.(string)
			return ok && addressPath.MatchString(d.path) && strings.TrimSpace(u) == s
		}},
	{"encoded words with control characters", "4.1.2.2", "Any NUL octets or control characters encoded per [RFC2047] are dropped from the decoded value.",
		"Cyrus keeps line ends.", func(d difference) bool {
			s, _ := d.ours.(string)
			u, ok := d.theirs.(string)
			return ok && headerPath(d.path) && strings.ContainsAny(u, "\n\r\x00") && squeeze(s) == squeeze(u)
		}},
	{"addresses that are no address-list", "4.1.2.3", "Parsing SHOULD be best effort in the face of invalid structure to accommodate invalid messages and semi-complete drafts.",
		"The field does not follow the grammar. Cyrus drops what it cannot read, up to all; we keep it, so that a person sees what stands there.",
		func(d difference) bool {
			return addressPath.MatchString(d.path) && !strictAddresses(d) && stands(d, d.ours)
		}},
	{"addr-spec with quotes or odd domains", "4.1.2.3", `The "addr-spec" of the "mailbox" [RFC5322].`,
		"Cyrus takes the quotes of a local part away, and cuts a domain at the first character that it does not expect.",
		func(d difference) bool {
			s, _ := d.ours.(string)
			u, _ := d.theirs.(string)
			return addressPath.MatchString(d.path) && strings.HasSuffix(d.path, "/email") && u != "" && (strings.ReplaceAll(s, `"`, "") == u || strings.HasPrefix(s, u))
		}},
	{"message ids among other words", "4.1.2.5", `Comments and/or folding white space (CFWS) and surrounding angle brackets ("<>") are removed. If parsing fails, the value is null.`,
		"Cyrus lists each word. We keep the msg-ids of a field in RFC 5322's obsolete form (section 4.5.4: phrases mean nothing), and say null for words without brackets.",
		func(d difference) bool {
			if !regexp.MustCompile(`^(messageId|inReplyTo|references|header:.*:asMessageIds)(/\*)?$`).MatchString(d.path) && !strings.Contains(d.path, ":asMessageIds:all") {
				return false
			}
			ours := d.ours
			if strings.HasSuffix(d.path, "/*") && !strings.Contains(d.path, ":all") {
				ours = d.within[len(d.within)-1].ours
			}
			raw, ok := fieldOf(d)
			return ok && (strings.Contains(d.path, ":all") && stands(d, ours) || reflect.DeepEqual(bracketed(raw), ours))
		}},
	{"dates with words for zones, AM and PM", "4.1.2.6", `The header field is parsed as a "date-time" value, as specified in [RFC5322], Section 3.3`,
		`Cyrus passes over a comment before the zone, over "GMT+1" and "PM", and so gives another time.`,
		func(d difference) bool {
			raw, ok := fieldOf(d)
			return ok && (d.path == "sentAt" || strings.HasSuffix(d.path, ":asDate")) && d.ours != nil && d.theirs != nil && regexp.MustCompile(`(?i)(GMT[+-]|[AP]M|\(|[+-]\d{1,3}$)`).MatchString(raw)
		}},
	{"dates that are no date-time", "4.1.2.6", `If parsing fails, the value is null.`,
		"Dates without a zone, or of ISO 8601: we read them, taking UTC for a zone that is missing, so that a person sees when a mail was written. Cyrus' parser fails.",
		func(d difference) bool {
			raw, ok := fieldOf(d)
			return ok && (d.path == "sentAt" || strings.HasSuffix(d.path, ":asDate")) && d.ours != nil && d.theirs == nil && !regexp.MustCompile(`^\s*([A-Za-z]{3},)?\s*\d{1,2} [A-Za-z]{3} \d{2,4} \d\d:\d\d(:\d\d)? ([+-]\d{4}|[A-Z]{1,3})`).MatchString(raw)
		}},
	{"encoded words that Cyrus cannot read", "4.1.2.2", "Any syntactically correct encoded sections [RFC2047] with a known character set decoded.",
		"Cyrus puts U+FFFD for an encoded word in a charset such as eucgb2312_cn, and for a character that is split over two words.",
		func(d difference) bool {
			s, ok := d.ours.(string)
			u, ok2 := d.theirs.(string)
			return ok && ok2 && headerPath(d.path) && strings.Contains(string(head(d.raw)), "=?") && !strings.Contains(s, "\uFFFD") && (replacedIn(u, s) || strings.Contains(u, "\uFFFD") && split.MatchString(string(head(d.raw))))
		}},
	{"encoded words beside raw UTF-8", "4.1.2.2", "Any syntactically correct encoded sections [RFC2047] with a known character set decoded.",
		"Cyrus does not decode words in a field that has octets above ASCII too.",
		func(d difference) bool {
			s, ok := d.ours.(string)
			u, ok2 := d.theirs.(string)
			raw, _ := fieldOf(d)
			return ok && ok2 && headerPath(d.path) && strings.ContainsFunc(raw, func(r rune) bool { return r > 0x7f }) && decodedIn(u, s)
		}},
	{"malformed MIME", "4.1.4", "likely to require workarounds for malformed content discovered over time",
		"Fields are missing or doubled, boundaries are wrong or do not end, base64 is none: each server saves what it can. Another parser says that these mails are so.",
		func(d difference) bool { return bodyPath.MatchString(d.path) && malformed(d.raw) }},
	{"charset of what is no text", "4.1.4", `or null if the header field is present but not of type "text/*"`,
		"Cyrus gives us-ascii to message/delivery-status and others.",
		func(d difference) bool { return d.path == "part/charset" && d.ours == nil && d.theirs == "us-ascii" }},
	{"charset as the mail has it", "4.1.4", "The value of the charset parameter of the Content-Type header field, if present",
		"Cyrus answers us-ascii for a label that it does not know, or a field with a fault behind the label.",
		func(d difference) bool {
			s, ok := d.ours.(string)
			return d.path == "part/charset" && d.theirs == "us-ascii" && ok && strings.Contains(own(d.part(), "Content-Type"), strings.ToLower(s))
		}},
	{"charset of a digest's messages", "4.1.4", `this is the implicit charset as per the MIME standard: "us-ascii".`,
		"Cyrus says null for the parts of a multipart/digest that have no Content-Type.",
		func(d difference) bool {
			return d.path == "part/charset" && d.ours == "us-ascii" && d.theirs == nil && own(d.part(), "Content-Type") == ""
		}},
	{"case of language tags", "4.1.4", `The list of language tags, as defined in [RFC3282]`,
		"Those of mails above 256 KiB come from Cyrus' BODYSTRUCTURE, which writes them in upper case. A tag means the same in each (RFC 5646, section 2.1.1).",
		func(d difference) bool {
			s, ok := d.ours.(string)
			u, ok2 := d.theirs.(string)
			return d.path == "part/language/*" && ok && ok2 && strings.EqualFold(s, u)
		}},
	{"names of parts", "4.1.4", `This is the decoded "filename" parameter of the Content-Disposition header field per [RFC2231]`,
		`Cyrus keeps percent signs and quotes of the extended form, prefers the plain form to it, joins pieces of which some are missing, and says "" for an empty name.`,
		func(d difference) bool {
			u, ok := d.theirs.(string)
			said := own(d.part(), "Content-Type") + own(d.part(), "Content-Disposition")
			s, _ := d.ours.(string)
			return d.path == "part/name" && (ok && replacedIn(u, s) || ok && u == "" && d.ours == nil || regexp.MustCompile(`name\*|name=[^";\s]*\(|"[^";]*"[^;\s]`).MatchString(said))
		}},
	{"hasAttachment", "4.1.4", "The server MAY ignore parts in this list that are processed automatically in some way or are referenced as embedded images",
		"We pass over signatures, calendar and list footers, embedded images, and what has Content-Disposition: inline, of which the section says so. Cyrus counts these, and no delivery reports, which can be downloaded.",
		func(d difference) bool {
			return d.path == "hasAttachment" && (d.ours == false && passedOver(d) || d.ours == true && !empty(d.email()["attachments"]))
		}},
	{"heuristics for charsets", "4.1.4", "The server MAY use heuristics to determine the charset to use for decoding if the charset is unknown, no charset is given, or it believes the charset given is incorrect.",
		"Cyrus puts U+FFFD, or what a label says that is unknown or wrong, where we find a charset that fits.",
		func(d difference) bool {
			s, _ := d.ours.(string)
			u, ok := d.theirs.(string)
			return ok && d.path == "bodyValues/*/value" && (replacedIn(u, s) || brokenFrom(u, s) || mislabelled(d))
		}},
	{"CRs that are no line ends", "4.1.4", "with any CRLF replaced with a single LF",
		"Cyrus drops every CR.", func(d difference) bool {
			s, ok := d.ours.(string)
			u, _ := d.theirs.(string)
			return ok && d.path == "bodyValues/*/value" && strings.Contains(string(d.raw), "\r") && strings.NewReplacer("\r", "", "\n", "").Replace(s) == strings.NewReplacer("\r", "", "\n", "").Replace(u)
		}},
	{"unknown transfer encoding", "4.1.4", "If the transfer encoding is unknown, it is treated as though it had no transfer encoding.",
		"Cyrus says that such a part is empty, without a blob.",
		func(d difference) bool {
			said := d.path == "part/size" && d.theirs == 0.0 || d.path == "part/blobId" && d.theirs == nil || d.path == "bodyValues/*/value" && d.theirs == ""
			return said && d.part() != nil && !slices.Contains(knownEncodings, encoding(d.part()))
		}},
	{"isEncodingProblem", "4.1.4", "This is true if malformed sections were found while decoding the charset, the charset was unknown, or the content-transfer-encoding was unknown.",
		"We report unknown labels, 8-bit text under a label of ASCII, and a base64 or quoted-printable that breaks off; Cyrus does not, and reports labels that we know.",
		func(d difference) bool {
			p := d.part()
			if d.path != "bodyValues/*/isEncodingProblem" || p == nil {
				return false
			}
			label, _ := p["charset"].(string)
			_, err := htmlindex.Get(label)
			ascii := label == "" || strings.EqualFold(label, "us-ascii") || strings.EqualFold(label, "ascii")
			return (d.ours == true && (ascii || err != nil || encoding(p) == "base64" || encoding(p) == "quoted-printable") || d.ours == false && (err == nil || strings.EqualFold(label, "default")) || mislabelled(d))
		}},
	{"text of a broken encoding", "4.1.4", "Decoding is best effort; the server SHOULD insert the unicode replacement character (U+FFFD) and continue when a malformed section is encountered.",
		"Cyrus ends the text at the fault, or passes C1 controls on.", func(d difference) bool {
			s, ok := d.ours.(string)
			u, ok2 := d.theirs.(string)
			bare := func(s string) string {
				return strings.Map(func(r rune) rune {
					if r == utf8.RuneError || r == '\r' || r >= 0x7f && r < 0xa0 {
						return -1
					}
					return r
				}, s)
			}
			return d.path == "bodyValues/*/value" && ok && ok2 && (strings.HasPrefix(bare(s), bare(u)) || replacedIn(s, u) || bare(s) == bare(u))
		}},
	{"text/richtext", "4.1.4", `"text/plain", "text/html", "image/*", "audio/*", and/or "video/*" parts to display`,
		"Cyrus counts other text types to the body.",
		func(d difference) bool {
			return regexp.MustCompile(`^(htmlBody|textBody|attachments)(/\*)?$`).MatchString(d.path) && d.onlyDiffer(otherText)
		}},
	{"Cyrus' own rights", "2", "The set of rights (Access Control Lists (ACLs)) the user has in relation to this Mailbox.",
		"mayAdmin is no right of RFC 8621.", func(d difference) bool { return d.path == "myRights/mayAdmin" && d.ours == absent }},
	{"sortOrder", "2", "Defines the sort order of Mailboxes when presented in the client's UI, so it is consistent between devices.",
		"Each server's own choice.", func(d difference) bool {
			return d.method == "Mailbox/get" && d.path == "sortOrder" && d.ours != absent && d.theirs != absent
		}},
	{"unread counts with copies", "2", `The number of Emails in this Mailbox that have neither the "$seen" keyword nor the "$draft" keyword.`,
		"A mail lies twice, read in one mailbox: it has no $seen (section 4.1.1), so that it is unread in both. Cyrus counts copies.",
		func(d difference) bool {
			return (d.path == "unreadEmails" || d.path == "unreadThreads") && d.view.unread(d.name, d.path) == d.ours
		}},
	{"queries by properties of the Email", "4.4.1", "This Email must have the given keyword to match the condition.",
		"Our answer is what follows from the properties that Email/get gave, by the words of the section. Cyrus asks each copy of a mail for its own flags, has another hasAttachment, and reads dates as above.",
		func(d difference) bool {
			return d.query != nil && !byWords(d.query.args) && d.view.agrees(*d.query, d.answer, d.path)
		}},
	{"words in addresses that cannot be read", "4.4.1", `The exact semantics for matching "String" fields is deliberately not defined`,
		"For from and to the other side is what Cyrus' JMAP says of its mails, which leaves out what is no address-list. IMAP's SEARCH finds some of these, and fewer than stand in the fields as we show them.",
		func(d difference) bool {
			if d.query == nil || d.query.kind != "from" && d.query.kind != "to" {
				return false
			}
			mine := d.view.reference(*d.query)
			if strings.HasSuffix(d.path, "/total") {
				a, ok := d.ours.(float64)
				b, ok2 := d.theirs.(float64)
				return ok && ok2 && b < a && a <= mine["total"].(float64)
			}
			a, _ := d.ours.(string)
			b, _ := d.theirs.(string)
			return within(b, a) && within(a, mine["ids"].(string))
		}},
	{"orders by words", "4.4.2", "This is taken to be the base subject of the message",
		"Our mails are those that match. In which order words stand is the server's choice (RFC 8620, section 5.5); ours is that of IMAP's SORT, Cyrus' JMAP has another.",
		func(d difference) bool {
			return d.query != nil && byWords(d.query.args) && d.view.agrees(*d.query, d.answer, d.path)
		}},
	{"where an attached message ends", "RFC 2046, 5.1.1", "The CRLF preceding the boundary delimiter line is conceptually attached to the boundary so that it is possible to have a part that does not end with a CRLF (line break).",
		"A message whose own multipart is closed: Cyrus counts the line end before the outer boundary to the message.",
		func(d difference) bool {
			if d.path != "part/size" && d.path != "part/blobId" {
				return false
			}
			part := d.within[len(d.within)-1]
			a, ok := part.ours.(map[string]any)
			b, ok2 := part.theirs.(map[string]any)
			if !ok || !ok2 {
				return false
			}
			x, _ := a["size"].(float64)
			y, _ := b["size"].(float64)
			return x+2 == y
		}},
	{"attached messages with a transfer encoding", "4.1.4", "The size, in octets, of the raw data after content transfer decoding",
		"RFC 2046, section 5.2.1, forbids base64 for a message, and it is done. Cyrus does not decode it.",
		func(d difference) bool {
			if len(d.within) == 0 {
				return false
			}
			part, _ := d.within[len(d.within)-1].ours.(map[string]any)
			return (d.path == "part/size" || d.path == "part/blobId") && part["type"] == "message/rfc822" && slices.Contains([]string{"base64", "quoted-printable"}, encoding(part))
		}},
}

func headerPath(path string) bool {
	return addressPath.MatchString(path) || strings.HasPrefix(path, "part/header:") || strings.HasPrefix(path, "header:") || strings.HasPrefix(path, "headers") || path == "part/headers" || strings.HasPrefix(path, "part/headers/") ||
		slices.Contains([]string{"subject", "part/name"}, path)
}

func empty(v any) bool {
	l, ok := v.([]any)
	return ok && len(l) == 0
}

// within says that the ids of one list stand in another.
func within(few, many string) bool {
	all := strings.Fields(many)
	return !slices.ContainsFunc(strings.Fields(few), func(id string) bool { return !slices.Contains(all, id) })
}

// split are two encoded words of which one ends in the midst of a shifted text.
var split = regexp.MustCompile(`(?i)=\?iso-2022-jp\?b\?[^?]*\?=\s+=\?iso-2022-jp\?b\?`)

// otherText are texts that are neither plain nor HTML.
var otherText = regexp.MustCompile(`^text/`)

// previews says that each word of a preview, but the last, which may be cut, stands
// in a text of the mail; a mail without text has none.
func previews(email map[string]any, preview string) bool {
	text := ""
	values, _ := email["bodyValues"].(map[string]any)
	for _, v := range values {
		value, _ := v.(map[string]any)["value"].(string)
		text += squeeze(value) + squeeze(html.UnescapeString(value)) + squeeze(html.UnescapeString(regexp.MustCompile(`(?s)<[^>]*>`).ReplaceAllString(value, "")))
	}
	words := strings.Fields(strings.TrimRight(preview, "…"))
	if len(words) == 0 {
		return true
	}
	return !slices.ContainsFunc(words[:len(words)-1], func(w string) bool { return !strings.Contains(text, squeeze(w)) })
}

// sameFields compares two lists of header fields.
func sameFields(ours []any, theirs any) bool {
	list, _ := theirs.([]any)
	return len(ours) == 0 && len(list) == 0 || reflect.DeepEqual(ours, list)
}

// junkFields says that a header has a line that is no field: white space or control
// characters before a name, or a line without one.
func junkFields(raw []byte) bool {
	return regexp.MustCompile(`(?m)^([ \t]*\r?$|[ \t]*[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|[^: \t\r\n]*[ \t\x00-\x1f][^:]*:|[^:\r\n]+\r?$)|^--`).Match(head(raw))
}

// bracketed are the msg-ids of a field, nil if there is none.
func bracketed(raw string) any {
	var out []any
	for _, m := range regexp.MustCompile(`<([^<>]*)>`).FindAllStringSubmatch(regexp.MustCompile(`\([^()<>]*\)`).ReplaceAllString(raw, ""), -1) {
		if id := strings.Join(strings.Fields(m[1]), ""); id != "" {
			out = append(out, id)
		}
	}
	if out == nil {
		return nil
	}
	return out
}

// mislabelled says that the label of a text is unknown or wrong, and that the two
// servers read the same ASCII and differ in the rest alone.
func mislabelled(d difference) bool {
	ours, theirs := d.ours, d.theirs
	if _, isBool := ours.(bool); isBool {
		ours, theirs = d.within[len(d.within)-1].ours, d.within[len(d.within)-1].theirs
	}
	p, s, u := d.part(), bodyText(ours), bodyText(theirs)
	if p == nil || s == u {
		return false
	}
	label, _ := p["charset"].(string)
	_, err := htmlindex.Get(label)
	ascii := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r > 0x7f || r == '\r' {
				return -1
			}
			return r
		}, s)
	}
	return ascii(s) == ascii(u) && err != nil || utf8As1252(u) == s
}

// bodyText is the text of a body value, or of its property.
func bodyText(v any) string {
	if m, ok := v.(map[string]any); ok {
		v = m["value"]
	}
	s, _ := v.(string)
	return s
}

// utf8As1252 takes back that UTF-8 was read as windows-1252.
func utf8As1252(s string) string {
	var out []byte
	for _, r := range s {
		if b, ok := charmap.Windows1252.EncodeRune(r); ok {
			out = append(out, b)
		} else if r < 0x100 {
			out = append(out, byte(r))
		}
	}
	return string(out)
}

// passedOver says that each attachment is one that need not count: a signature, a
// calendar, a footer, an image that HTML shows, what the mail is encrypted
// in, or what has Content-Disposition: inline.
func passedOver(d difference) bool {
	places, _ := d.email()["attachments"].([]any)
	encrypted := slices.ContainsFunc(places, func(at any) bool {
		place, _ := at.(string)
		return d.placed(place)["type"] == "application/pgp-encrypted"
	})
	for _, at := range places {
		place, _ := at.(string)
		p := d.placed(place)
		if p == nil {
			return false
		}
		kind, _ := p["type"].(string)
		embedded := p["disposition"] == "inline" || strings.HasPrefix(kind, "image/") && (p["cid"] != nil || p["disposition"] != "attachment")
		if !embedded && !encrypted && !regexp.MustCompile(`signature|pkcs7|pgp|calendar|rfc822-headers|^text/plain$|^application/ics$|^message/`).MatchString(kind) {
			return false
		}
	}
	return true
}

// head is the header of a mail.
func head(raw []byte) []byte {
	h, _, _ := strings.Cut(string(raw), "\r\n\r\n")
	return []byte(h)
}

// strictAddresses says that another parser takes every field of this name for
// what RFC 5322 wants, obsolete forms apart.
func strictAddresses(d difference) bool {
	name := strings.TrimPrefix(strings.SplitN(d.path, "/", 2)[0], "header:")
	name, _, _ = strings.Cut(name, ":")
	if name == "replyTo" {
		name = "Reply-To"
	}
	m, err := netmail.ReadMessage(strings.NewReader(string(d.raw)))
	if err != nil {
		return false
	}
	for k, values := range m.Header {
		for _, v := range values {
			if strings.EqualFold(k, name) {
				if _, err := netmail.ParseAddressList(v); err != nil {
					return false
				}
			}
		}
	}
	return true
}

// TestRulesQuote: the words of each rule stand in the RFC.
func TestRulesQuote(t *testing.T) {
	plain := func(s string) string {
		return regexp.MustCompile(`\s+([,.)])`).ReplaceAllString(strings.Join(strings.Fields(strings.ReplaceAll(s, "-\n", "-")), " "), "$1")
	}
	for _, r := range rules {
		number := "8621"
		if m := regexp.MustCompile(`^RFC (\d+), `).FindStringSubmatch(r.section); m != nil {
			number = m[1]
		}
		text, err := os.ReadFile(filepath.Join(platform.Shared(t), "rfc", "rfc"+number+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		rfc := plain(string(text))
		if !r.undecided() && (r.section == "" || r.words == "") {
			t.Errorf("%s has no words of the RFC", r.name)
		}
		if !strings.Contains(rfc, plain(r.words)) {
			t.Errorf("%s: RFC %s does not say %q", r.name, number, r.words)
		}
	}
}
