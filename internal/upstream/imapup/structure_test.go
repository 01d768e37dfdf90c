package imapup

import (
	"testing"

	"cofferdam/internal/imap"
	"github.com/google/go-cmp/cmp"
)

// RFC 3501, section 7.4.2: a multipart may have a language and a location too.
func TestPartOf(t *testing.T) {
	p := partOf(&imap.BodyPart{Type: "multipart", Subtype: "mixed", Language: []string{"en-US"}, Location: "http://x.test/",
		Children: []*imap.BodyPart{{Section: "1", Type: "text", Subtype: "plain", Encoding: "7BIT", Language: []string{"de", "fr"}, ID: "<a@x.test>"}}})
	if p.Type != "multipart/mixed" || p.Location != "http://x.test/" || len(p.SubParts) != 1 {
		t.Fatalf("%+v", p)
	}
	child := p.SubParts[0]
	if diff := cmp.Diff([][]string{{"en-US"}, {"de", "fr"}}, [][]string{p.Language, child.Language}); diff != "" || child.CID != "a@x.test" || child.PartID != "1" {
		t.Errorf("%+v (-want +got):\n%s", child, diff)
	}
}
