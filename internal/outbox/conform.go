package outbox

import (
	"slices"
	"strings"

	"cofferdam/internal/jmap"
	"cofferdam/internal/message"
)

// conforms refuses a mail whose header RFC 5322, section 3.6 does not allow: drafts
// may be half finished, and are looked at when they are sent (RFC 8621, sections 4.6
// and 7.5). A field that is missing is none of it, as Date and Message-ID are added,
// nor is one of recipients that is empty, as other programs write them in drafts.
func conforms(h message.Header) error {
	var faults []string
	for _, f := range []struct {
		name, property string
		valid          func(message.Field) bool
	}{
		{"Date", "sentAt", func(f message.Field) bool { _, ok := f.Date(); return ok }},
		{"From", "from", hasAddresses}, {"Sender", "sender", hasAddresses}, {"Reply-To", "replyTo", hasAddresses},
		{"To", "to", isBlankOr(hasAddresses)}, {"Cc", "cc", isBlankOr(hasAddresses)}, {"Bcc", "bcc", isBlankOr(hasAddresses)},
		{"Message-ID", "messageId", func(f message.Field) bool { return len(f.MessageIDs()) == 1 }},
		{"In-Reply-To", "inReplyTo", isBlankOr(hasIDs)}, {"References", "references", isBlankOr(hasIDs)},
		{"Subject", "subject", func(message.Field) bool { return true }},
	} {
		// Each of them stands once at most.
		if all := h.All(f.name); len(all) > 1 || len(all) == 1 && !f.valid(all[0]) {
			faults = append(faults, f.property)
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return &jmap.SetError{Type: jmap.SetInvalidEmail, Properties: faults, Description: "The header of the mail is not as RFC 5322 says: " + strings.Join(faults, ", ") + "."}
}

func isBlankOr(valid func(message.Field) bool) func(message.Field) bool {
	return func(f message.Field) bool { return strings.TrimSpace(f.Value) == "" || valid(f) }
}

// hasAddresses takes a list with addresses that a mail could go to, and groups,
// which may be empty.
func hasAddresses(f message.Field) bool {
	groups := f.GroupedAddresses()
	return len(groups) > 0 && !slices.ContainsFunc(groups, func(g message.Group) bool {
		return !g.IsGroup && len(g.Addresses) == 0 || slices.ContainsFunc(g.Addresses, func(a message.Address) bool { return !plausible(a.Email) })
	})
}

func hasIDs(f message.Field) bool { return len(f.MessageIDs()) > 0 }
