package outbox

import (
	"errors"
	"strings"
	"testing"

	"cofferdam/internal/jmap"
	"cofferdam/internal/message"
)

// RFC 8621, sections 4.6 and 7.5: a mail is checked when it is sent.
func TestConforms(t *testing.T) {
	const good = "From: Ann <ann@example.org>\r\nTo: b@x.test\r\n"
	for header, want := range map[string]string{
		good: "",
		"From: ann@example.org\r\nTo: undisclosed-recipients:;\r\nCc: \r\nBcc:\r\nSubject: \r\n":                      "",
		"From: =?utf-8?q?J=C3=B6rg?= (x) <ann@example.org>\r\nTo: G: a@x.test, \"b c\"@x.test;, jörg@bücher.test\r\n": "",
		good + "Date: Fri, 21 Nov 1997 09:55:06 -0600\r\nMessage-ID: <a@b>\r\nReferences: <a@b>\r\n <c@d>\r\n":        "",
		good + "Date: nonsense\r\n":                                          "sentAt",
		good + "Message-ID: nonsense\r\nReply-To: \r\n":                      "replyTo messageId",
		good + "Message-ID: <a@b> <c@d>\r\n":                                 "messageId",
		good + "To: c@x.test\r\nSubject: a\r\nsubject: b\r\n":                "to subject",
		"From: ann@example.org\r\nTo: <<>>, b@x.test\r\nCc: just a name\r\n": "to cc",
		good + "In-Reply-To: your mail\r\nReferences: \r\n":                  "inReplyTo",
	} {
		err := conforms(message.ParseHeader([]byte(header + "\r\n")))
		got := ""
		if refused, ok := errors.AsType[*jmap.SetError](err); ok && refused.Type == jmap.SetInvalidEmail {
			got = strings.Join(refused.Properties, " ")
		}
		if got != want || (err == nil) != (want == "") {
			t.Errorf("%q: %v, want %q", header, err, want)
		}
	}
}
