package demo

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"
)

// failureNotice is a delivery status notification (RFC 3464) that says that the
// demo does not send anything to the world.
func failureNotice(to string, failed []string, original []byte, now time.Time) []byte {
	sum := sha256.Sum256(append([]byte(now.String()), original...))
	boundary := fmt.Sprintf("notice-%x", sum[:9])
	var b bytes.Buffer
	fmt.Fprintf(&b, "Return-Path: <>\r\nDate: %s\r\nFrom: Demo mail system <mailer-daemon@%s>\r\nTo: <%s>\r\n",
		now.Format(time.RFC1123Z), Domain, to)
	fmt.Fprintf(&b, "Subject: Not delivered: this demo does not reach other domains\r\nMessage-ID: <%x@%s>\r\n", sum[9:20], serverName)
	fmt.Fprintf(&b, "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"+
		"Content-Type: multipart/report; report-type=delivery-status; boundary=\"%s\"\r\n\r\n", boundary)
	fmt.Fprintf(&b, "--%s\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n", boundary)
	b.WriteString("Your mail stayed here. This is a demonstration: it has two people and no way to the rest of the world.\r\n\r\n")
	for _, a := range failed {
		fmt.Fprintf(&b, "  %s\r\n", a)
	}
	fmt.Fprintf(&b, "\r\n--%s\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; %s\r\nArrival-Date: %s\r\n",
		boundary, serverName, now.Format(time.RFC1123Z))
	for _, a := range failed {
		fmt.Fprintf(&b, "\r\nFinal-Recipient: rfc822; %s\r\nAction: failed\r\nStatus: 5.1.2\r\n"+
			"Diagnostic-Code: smtp; 550 5.1.2 the demo knows no other domains\r\n", a)
	}
	fmt.Fprintf(&b, "\r\n--%s\r\nContent-Type: text/rfc822-headers\r\n\r\n%s\r\n--%s--\r\n", boundary, headersOf(original), boundary)
	return b.Bytes()
}

// headersOf returns the header of a mail without the blank line.
func headersOf(mail []byte) string {
	head, _, _ := strings.Cut(string(mail), "\r\n\r\n")
	return head + "\r\n"
}
