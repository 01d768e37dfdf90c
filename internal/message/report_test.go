package message

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// dsn is a delivery status notification as Postfix writes it.
const dsn = "From: MAILER-DAEMON@example.net\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n" +
	"--b\r\nContent-Type: message/delivery-status\r\n\r\n" +
	"Reporting-MTA: dns; mx.example.net\r\nOriginal-Envelope-Id: s1+2Bx\r\n\r\n" +
	"Final-Recipient: rfc822; bob.real@example.net\r\nOriginal-Recipient: rfc822;bob+2Bnews@example.net\r\nAction: failed\r\nStatus: 5.1.1\r\n" +
	"Diagnostic-Code: smtp; 550 5.1.1\r\n <bob@example.net>: no such user\r\n\r\n" +
	"Final-Recipient: rfc822; eve@example.net\r\nAction: delivered\r\nStatus: 2.0.0\r\n\r\n" +
	"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: hello\r\nMessage-ID: <m1@example.org>\r\n\r\n--b--\r\n"

const mdn = "From: bob@example.net\r\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n" +
	"--b\r\n\r\nRead.\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\n" +
	"Final-Recipient: rfc822;bob@example.net\r\nOriginal-Message-ID: <m1@example.org>\r\nDisposition: manual-action/MDN-sent-manually; displayed/x\r\n\r\n--b--\r\n"

func TestReadReport(t *testing.T) {
	for name, c := range map[string]struct {
		mail string
		want *Report
	}{
		"delivery": {dsn, &Report{MessageID: "m1@example.org", EnvelopeID: "s1+x", Recipients: []ReportedRecipient{
			{"bob+news@example.net", "failed", "5.1.1", "550 5.1.1 <bob@example.net>: no such user"}, {"eve@example.net", "delivered", "2.0.0", ""}}}},
		"delivery, bare LF": {strings.ReplaceAll(dsn, "\r\n", "\n"), &Report{MessageID: "m1@example.org", EnvelopeID: "s1+x", Recipients: []ReportedRecipient{
			{"bob+news@example.net", "failed", "5.1.1", "550 5.1.1 <bob@example.net>: no such user"}, {"eve@example.net", "delivered", "2.0.0", ""}}}},
		"delivery with the whole mail": {strings.Replace(dsn, "text/rfc822-headers", "message/rfc822", 1), &Report{MessageID: "m1@example.org", EnvelopeID: "s1+x", Recipients: []ReportedRecipient{
			{"bob+news@example.net", "failed", "5.1.1", "550 5.1.1 <bob@example.net>: no such user"}, {"eve@example.net", "delivered", "2.0.0", ""}}}},
		"disposition":    {mdn, &Report{MessageID: "m1@example.org", Recipients: []ReportedRecipient{{"bob@example.net", "displayed", "", ""}}}},
		"no report":      {"Content-Type: text/plain\r\n\r\nAction: failed\r\n", nil},
		"empty report":   {strings.Replace(dsn, "message/delivery-status", "text/x", 1), nil},
		"nothing at all": {"", nil},
	} {
		got, ok := ReadReport(Parse([]byte(c.mail)))
		if ok != (c.want != nil) {
			t.Errorf("%s: ok is %v", name, ok)
		} else if ok && !cmp.Equal(*c.want, got) {
			t.Errorf("%s: -want +got:\n%s", name, cmp.Diff(*c.want, got))
		}
	}
}

func FuzzReadReport(f *testing.F) {
	f.Add([]byte(dsn))
	f.Add([]byte(mdn))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, _ := ReadReport(Parse(raw))
		receipt, _ := ReadReceipt(Parse(raw))
		if len(receipt.Errors) > maxExtensions || len(receipt.Extension) > maxExtensions {
			t.Errorf("%d errors and %d extensions", len(receipt.Errors), len(receipt.Extension))
		}
		if len(r.Recipients) > maxReported {
			t.Errorf("%d recipients", len(r.Recipients))
		}
		for _, to := range r.Recipients {
			if strings.ContainsAny(to.Action, " \t\r\n") {
				t.Errorf("action %q", to.Action)
			}
		}
	})
}
