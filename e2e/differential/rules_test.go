package differential

import (
	netmail "net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

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

// brokenMIME are the mails whose multiparts are malformed, so that the two
// servers cut them differently: wrong, missing or doubled boundaries, and headers
// that break off. Each was looked at; in none does a well-formed part get lost.
var brokenMIME = regexp.MustCompile(`^mail-evasion/|mail-phishing/pp-(396|391|7689|1364)\.eml|mailformed-headers|lhost-verizon-02|content-utf8-rel-alt|malformed__0\d\d|unreferenced_related_inline|double-bound|multi-digest|lhost-(barracuda|x5)-01|stalwart-mail-parser--thirdparty__000|test-alt-rogue|__badbound|rspamd--phish_sender6?\.eml`)

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
			return d.path == "preview" && ok && utf8.RuneCountInString(s) <= 256
		}},
	{"empty address field", "4.1.3", "If no header fields exist in the message with the requested name, the value is null",
		"The field is there and has no address: an empty list. Cyrus says null, as if it were not there.",
		func(d difference) bool { return addressPath.MatchString(d.path) && empty(d.ours) && d.theirs == nil }},
	{"header octets that are no UTF-8", "4.1.2.1", "A server SHOULD replace any octet or octet run with the high bit set that violates UTF-8 syntax with the unicode replacement character (U+FFFD).",
		"Cyrus leaves the whole field out of the Raw form. In the parsed forms it replaces the octets, we read them in the charset of the mail or in windows-1252.",
		func(d difference) bool { return headerPath(d.path) && !utf8.Valid(head(d.raw)) }},
	{"header fields with junk before them", "4.1.3", "This is a list of all header fields, in the same order they appear in the message.",
		"A line of white space or control characters before the name: Cyrus makes it part of the name, and cuts a header that a boundary ends.",
		func(d difference) bool {
			return strings.HasPrefix(d.path, "part/headers") || strings.HasPrefix(d.path, "headers") || strings.HasPrefix(d.path, "header:Delivered-To")
		}},
	{"encoded word out of place", "4.1.2.2", "Any text that looks like syntax per [RFC2047] but violates placement or white space rules per [RFC2047] MUST NOT be decoded.",
		"Cyrus decodes inside of quoted strings, beside other text, and with white space inside.",
		func(d difference) bool {
			s, ok := d.ours.(string)
			return ok && headerPath(d.path) && strings.Contains(s, "=?")
		}},
	{"white space at the ends of a name", "4.1.2.3", "White space is unfolded, and then any leading and trailing white space is removed.",
		"Cyrus keeps it.", func(d difference) bool {
			s, _ := d.ours.(string)
			u, ok := d.theirs.(string)
			return ok && addressPath.MatchString(d.path) && strings.TrimSpace(u) == s
		}},
	{"encoded words with control characters", "4.1.2.2", "Any NUL octets or control characters encoded per [RFC2047] are dropped from the decoded value.",
		"Cyrus keeps line ends.", func(d difference) bool {
			u, ok := d.theirs.(string)
			return ok && headerPath(d.path) && strings.ContainsAny(u, "\n\r\x00")
		}},
	{"addresses that are no address-list", "4.1.2.3", "Parsing SHOULD be best effort in the face of invalid structure to accommodate invalid messages and semi-complete drafts.",
		"The field does not follow the grammar. Cyrus drops what it cannot read, up to all; we keep it, so that a person sees what stands there.",
		func(d difference) bool { return addressPath.MatchString(d.path) && !strictAddresses(d) }},
	{"addr-spec with quotes or odd domains", "4.1.2.3", `The "addr-spec" of the "mailbox" [RFC5322].`,
		"Cyrus takes the quotes of a local part away, and cuts a domain at the first character that it does not expect.",
		func(d difference) bool {
			s, _ := d.ours.(string)
			u, _ := d.theirs.(string)
			return addressPath.MatchString(d.path) && strings.HasSuffix(d.path, "/email") && (strings.ReplaceAll(s, `"`, "") == u || strings.HasPrefix(s, u))
		}},
	{"message ids among other words", "4.1.2.5", `Comments and/or folding white space (CFWS) and surrounding angle brackets ("<>") are removed. If parsing fails, the value is null.`,
		"Cyrus lists each word. We keep the msg-ids of a field in RFC 5322's obsolete form (section 4.5.4: phrases mean nothing), and say null for words without brackets.",
		func(d difference) bool {
			return regexp.MustCompile(`^(messageId|inReplyTo|references|header:.*:asMessageIds.*)(/\*)*$`).MatchString(d.path)
		}},
	{"dates with words for zones, AM and PM", "4.1.2.6", `The header field is parsed as a "date-time" value, as specified in [RFC5322], Section 3.3`,
		`Cyrus passes over a comment before the zone, over "GMT+1" and "PM", and so gives another time.`,
		func(d difference) bool {
			return (d.path == "sentAt" || d.path == "header:Date:asDate") && regexp.MustCompile(`(?mi)^Date:.*(GMT[+-]|[AP]M|\()`).Match(head(d.raw))
		}},
	{"malformed MIME", "4.1.4", "likely to require workarounds for malformed content discovered over time",
		"Boundaries are wrong, missing or doubled: each server saves what it can. The mails are named in brokenMIME.",
		func(d difference) bool { return bodyPath.MatchString(d.path) && brokenMIME.MatchString(d.name) }},
	{"charset of what is no text", "4.1.4", `or null if the header field is present but not of type "text/*"`,
		"Cyrus gives us-ascii to message/delivery-status and others.",
		func(d difference) bool { return d.path == "part/charset" && d.ours == nil && d.theirs == "us-ascii" }},
	{"charset as the mail has it", "4.1.4", "The value of the charset parameter of the Content-Type header field, if present",
		"Cyrus answers us-ascii for a label that it does not know, or a field with a fault behind the label.",
		func(d difference) bool { return d.path == "part/charset" && d.theirs == "us-ascii" }},
	{"names of parts", "4.1.4", `This is the decoded "filename" parameter of the Content-Disposition header field per [RFC2231]`,
		`Cyrus keeps percent signs and quotes of the extended form, and says "" for an empty one.`,
		func(d difference) bool { return d.path == "part/name" }},
	{"hasAttachment", "4.1.4", "The server MAY ignore parts in this list that are processed automatically in some way or are referenced as embedded images",
		"We pass over signatures, calendar and list footers, and embedded images. Cyrus counts these, and no delivery reports, which can be downloaded.",
		func(d difference) bool { return d.path == "hasAttachment" }},
	{"heuristics for charsets", "4.1.4", "The server MAY use heuristics to determine the charset to use for decoding if the charset is unknown, no charset is given, or it believes the charset given is incorrect.",
		"Cyrus puts U+FFFD where we find a charset that fits.",
		func(d difference) bool {
			u, ok := d.theirs.(string)
			return ok && d.path == "bodyValues/*/value" && strings.Contains(u, "\uFFFD")
		}},
	{"CRs that are no line ends", "4.1.4", "with any CRLF replaced with a single LF",
		"Cyrus drops every CR.", func(d difference) bool {
			s, ok := d.ours.(string)
			u, _ := d.theirs.(string)
			return ok && d.path == "bodyValues/*/value" && (strings.ReplaceAll(s, "\r", "") == u || strings.ReplaceAll(s, "\n", "") == strings.ReplaceAll(u, "\n", "") || strings.ReplaceAll(s, "\r", "\n") == u || strings.Contains(s, "\r"))
		}},
	{"unknown transfer encoding", "4.1.4", "If the transfer encoding is unknown, it is treated as though it had no transfer encoding.",
		"Cyrus says that such a part is empty, without a blob.",
		func(d difference) bool {
			return d.path == "part/size" && d.theirs == 0.0 || d.path == "part/blobId" && d.theirs == nil || d.path == "bodyValues/*/value" && d.theirs == ""
		}},
	{"isEncodingProblem", "4.1.4", "This is true if malformed sections were found while decoding the charset, the charset was unknown, or the content-transfer-encoding was unknown.",
		"We report 8-bit text under a label of ASCII, and a base64 or quoted-printable that breaks off; Cyrus does not, and reports labels that we know.",
		func(d difference) bool { return d.path == "bodyValues/*/isEncodingProblem" }},
	{"text of a broken encoding", "4.1.4", "Decoding is best effort; the server SHOULD insert the unicode replacement character (U+FFFD) and continue when a malformed section is encountered.",
		"Cyrus ends the text at the fault, or passes C1 controls on.", func(d difference) bool {
			s, ok := d.ours.(string)
			u, ok2 := d.theirs.(string)
			return d.path == "bodyValues/*/value" && ok && ok2 && (len(s) > len(u) || strings.Contains(s, "\uFFFD"))
		}},
	{"text/richtext", "4.1.4", `"text/plain", "text/html", "image/*", "audio/*", and/or "video/*" parts to display`,
		"Cyrus counts other text types to the body.",
		func(d difference) bool {
			return (d.path == "htmlBody" || d.path == "textBody" || d.path == "attachments") && regexp.MustCompile(`(?i)text/(richtext|enriched)`).Match(d.raw)
		}},
	{"Cyrus' own rights", "2", "The set of rights (Access Control Lists (ACLs)) the user has in relation to this Mailbox.",
		"mayAdmin is no right of RFC 8621.", func(d difference) bool { return d.path == "myRights/mayAdmin" && d.ours == absent }},
	{"sortOrder", "2", "Defines the sort order of Mailboxes when presented in the client's UI, so it is consistent between devices.",
		"Each server's own choice.", func(d difference) bool { return d.path == "sortOrder" }},
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
			return (d.path == "part/size" || d.path == "part/blobId") && part["type"] == "message/rfc822" &&
				regexp.MustCompile(`(?i)content-transfer-encoding: *(base64|quoted-printable)`).Match(d.raw)
		}},
}

func headerPath(path string) bool {
	return addressPath.MatchString(path) || strings.HasPrefix(path, "header:") || strings.HasPrefix(path, "headers") || path == "part/headers" || strings.HasPrefix(path, "part/headers/") ||
		slices.Contains([]string{"subject", "part/name"}, path)
}

func empty(v any) bool {
	l, ok := v.([]any)
	return ok && len(l) == 0
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
