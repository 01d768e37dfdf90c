package message_test

import (
	"testing"
	"time"

	"cofferdam/internal/message"
)

func TestIsMessage(t *testing.T) {
	for raw, want := range map[string]bool{
		"Subject: a\r\n\r\nb":                          true,
		"X-Odd: 1\r\nfrom: a@b\r\n\r\n":                true,
		"From a@b Mon Mar  2 10:00:00 2026\nTo: c\n\n": true, // an mbox line before it
		"Тема: a\r\nFrom: b@c\r\n\r\n":                 true, // RFC 6532 allows it in values alone
		"":                                             false,
		"\r\nSubject: a\r\n":                           false, // in the body
		"%PDF-1.4\n1 0 obj\n":                          false,
		"\x89PNG\r\n\x1a\n":                            false,
		"BEGIN:VCARD\r\nFN:Anna\r\nEND:VCARD\r\n":      false,
		"<html>\n<a href=\"http://x\">y: z</a>\n":      false,
		"Dear all:\nhello\n":                           false,
	} {
		if got := message.ParseHeader([]byte(raw)).IsMessage(); got != want {
			t.Errorf("%q: %v, want %v", raw, got, want)
		}
	}
}

func TestReceivedAt(t *testing.T) {
	const raw = "Received: from a by b; no date\r\nReceived: from b by c (x; y);\r\n Tue, 3 Mar 2026 10:00:00 +0100\r\n" +
		"Received: from c by d; Mon, 2 Mar 2026 10:00:00 +0100\r\n\r\n"
	got, ok := message.ParseHeader([]byte(raw)).ReceivedAt()
	if want := time.Date(2026, 3, 3, 9, 0, 0, 0, time.UTC); !ok || !got.Equal(want) {
		t.Errorf("%v, %v, want %v", got, ok, want)
	}
	if got, ok := message.ParseHeader([]byte("Date: Mon, 2 Mar 2026 10:00:00 +0100\r\n\r\n")).ReceivedAt(); ok {
		t.Errorf("of a mail that nobody received: %v", got)
	}
}
