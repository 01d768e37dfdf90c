package account_test

import "cofferdam/internal/jmap"

// brokenMultipart has its boundary in the extended form of RFC 2231, as senders
// write it who hope that a scanner sees no parts. Mail servers see none or other
// ones than we do.
const brokenMultipart = "From: me\nSubject: broken\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary*=''%20b1;\n\n" +
	"-- b1\nContent-Type: text/plain\n\nHello.\n-- b1\nContent-Type: application/zip\nContent-Transfer-Encoding: base64\n\nUEsD\nBBQA\n-- b1--\n"

// testBrokenParts: what Email/get says of a part is what its blob has, also where
// the server reads a mail differently.
func testBrokenParts(r *rig) {
	r.deliver("INBOX", crlf(brokenMultipart))
	ids := r.waitFor(r.box(jmap.RoleInbox), 1)
	yes := true
	listed := r.query(&jmap.Filter[jmap.EmailCondition]{Leaf: &jmap.EmailCondition{HasAttachment: &yes}})
	e := r.get(&jmap.EmailFields{Props: jmap.EmailPropBodyStructure | jmap.EmailPropAttachments | jmap.EmailPropHasAttachment, BodyProps: jmap.BodyPropBlobID | jmap.BodyPropSize}, ids[0])[ids[0]]
	if len(e.BodyStructure.SubParts) != 2 || len(e.Attachments) != 1 {
		r.Fatalf("structure: %+v", e.BodyStructure)
	}
	if e.HasAttachment != (len(listed) == 1) {
		r.Errorf("hasAttachment is %t, and the filter finds %v", e.HasAttachment, listed)
	}
	r.wantBlob(e.Attachments[0].BlobID, "PK\x03\x04\x14\x00")
	r.wantBlob(e.BodyStructure.SubParts[0].BlobID, "Hello.")
	blob, err := r.a.BlobOpen(r.ctx, e.Attachments[0].BlobID, jmap.ByteRange{Offset: 2, Length: 2})
	r.must(err)
	if e.Attachments[0].Size != 6 || blob.Size != 6 || blob.Offset != 2 || blob.Length != 2 {
		r.Errorf("size %d, range %d+%d of %d", e.Attachments[0].Size, blob.Offset, blob.Length, blob.Size)
	}
	blob.Body.Close()
}
