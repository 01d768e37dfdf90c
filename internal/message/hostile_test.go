package message

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// hostileCPU is what all of one mail of hostileSize may take of a processor, every form of
	// every field and every text of it; the test machine's, which is no fast one. An
	// honest mail of that size takes some 5 ms.
	hostileCPU = 150 * time.Millisecond
	// hostileMemory bounds what is allocated meanwhile, all in all: much of it is
	// garbage at once.
	hostileMemory = 256 << 20
)

// fill repeats s until there are n bytes.
func fill(n int, s string) string { return strings.Repeat(s, n/len(s)) }

// hostileMails are mails of about n bytes that are made to be slow to read.
func hostileMails(n int) map[string]string {
	var nested, digests, continued strings.Builder
	for i := 0; nested.Len() < n; i++ {
		fmt.Fprintf(&nested, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
	}
	for digests.Len() < n {
		digests.WriteString("Content-Type: message/rfc822\n\n")
	}
	for i := 0; continued.Len() < n; i++ {
		fmt.Fprintf(&continued, " a*%d*=%%41;", i%300)
	}
	multi := "Content-Type: multipart/mixed; boundary=a\n\n"
	params := "Content-Type: text/plain"
	for i := range MaxParams {
		params += fmt.Sprintf(";p%d=b", i)
	}
	params += "\n\n"
	return map[string]string{
		"nested multiparts":               nested.String(),
		"nested messages":                 digests.String(),
		"many parts":                      multi + fill(n, "--a\n\n"),
		"many boundaries that are close":  multi + fill(n, "--b\n"),
		"many parts with many parameters": multi + fill(n, "--a\n"+params),
		"many encoded messages":           multi + fill(n, "--a\nContent-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\nContent-Type: multipart/x; boundary=c\n\n"+fill(2000, "--c\n\n")),
		"continued parameters":            "Content-Type: text/plain;" + continued.String() + "\n\nx",
		"one long field":                  "Subject: " + fill(n, "x") + "\n\nx",
		"many folds":                      "Subject: " + fill(n, "x\n ") + "\n\nx",
		"many fields":                     fill(n, "A:\n") + "\nx",
		"addresses":                       "To: " + fill(n, "a,") + "\n\nx",
		"groups":                          "To: " + fill(n, "a:b;") + "\n\nx",
		"angles":                          "To: " + fill(n, "<") + "\n\nx",
		"words of an address":             "To: " + fill(n, "a ") + ",\n\nx",
		"quotes without an end":           "To: " + fill(n, "\"a \\\"") + "\n\nx",
		"comments without an end":         "To: " + fill(n, "(") + "\n\nx",
		"literals without an end":         "To: " + fill(n, "[") + "\n\nx",
		"words without an end":            "To: " + fill(n, "=?utf-8?q? ") + "\n\nx",
		"words with one end":              "To: " + fill(n, "=?utf-8?q?,") + "?=\n\nx",
		"words of names without an end":   "Content-Disposition: attachment; filename=\"" + fill(n, "=?utf-8?q?") + "\n\nx",
		"words of names with one end":     "To: \"" + fill(n, "=?utf-8?q?a") + "?=\" <a@b>\n\nx",
		"labels of words":                 "Subject: =?" + fill(n, "x-") + "?q?a?=\n\nx",
		"labels of a part":                "Content-Type: text/plain; charset=\"" + fill(n, "x-") + "\"\n\nx",
		"other labels of a part":          "Content-Type: text/plain; charset=\"" + fill(n, "_charset") + "\"\n\nx",
		"encoded words":                   "Subject: " + fill(n, "=?utf-8?q?=c3=a9?= ") + "\n\nx",
		"encoded words of many charsets":  "Subject: " + fill(n, "=?utf-8?q?a?= =?koi8-r?q?a?= ") + "\n\nx",
		"ids":                             "References: " + fill(n, "<a>") + "\n\nx",
		"ids without an end":              "References: " + fill(n, "<") + "\n\nx",
		"URLs":                            "List-Post: " + fill(n, "<a>,") + "\n\nx",
		"URLs without an end":             "List-Post: " + fill(n, "<(") + "\n\nx",
		"dates":                           "Date: " + fill(n, "1-1-1 ") + "\n\nx",
		"languages":                       "Content-Language: " + fill(n, "a,") + "\n\nx",
		"escapes of ISO-2022-JP":          "Content-Type: text/plain; charset=iso-2022-jp\n\n" + fill(n, "\x1b$B$\"\x1b(B"),
		"shifts of UTF-7":                 "Content-Type: text/plain; charset=utf-7\n\n" + fill(n, "+AOk-"),
		"shifts of HZ":                    "Content-Type: text/plain; charset=hz\n\n" + fill(n, "~{~}"),
		"marks":                           "Subject: " + fill(n, "\u0301\u0323") + "\n\nx",
		"carriage returns":                "Content-Type: text/plain\n\n" + fill(n, "\r") + "\n" + fill(n, "\r\r\n"),
		"tags without an end":             "Content-Type: text/html\n\n" + fill(n, "<a "),
		"comments of HTML":                "Content-Type: text/html\n\n" + fill(n, "<!-"),
		"attributes":                      "Content-Type: text/html\n\n<a " + fill(n, "a=b "),
		"quotations":                      "Content-Type: text/plain\n\n" + fill(n, "a:\n"),
		"reports":                         "Content-Type: multipart/report; boundary=a\n\n--a\nContent-Type: message/delivery-status\n\n" + fill(n, "\nFinal-Recipient: a"),
	}
}

// readAll reads everything of a mail that anything in the product reads.
func readAll(raw []byte) {
	m := Parse(raw)
	walkHeader(m.Header)
	m.Body.Walk(func(p *Part) {
		if p.IsText() {
			p.Value(1000)
			SearchText(p.Type, p.Value(0).Value)
		}
	})
	m.Bodies()
	m.HasAttachment()
	m.Preview()
	ReadReport(m)
}

func walkHeader(h Header) {
	for _, f := range h {
		f.Raw()
		f.Text()
		f.GroupedAddresses()
		f.MessageIDs()
		f.URLs()
		f.Date()
	}
}

// TestHostile reads mails that are made to be slow or large to read.
func TestHostile(t *testing.T) {
	for name, mail := range hostileMails(hostileSize) {
		t.Run(name, func(t *testing.T) {
			raw := []byte(mail)
			most := hostileCPU * raceFactor
			spent, allocated := cost(func() { readAll(raw) })
			for range 2 { // what else the machine did, and our own collector, is not the mail's
				if spent > most {
					spent, allocated = cost(func() { readAll(raw) })
				}
			}
			t.Logf("%v, %.1f MB", spent.Round(time.Millisecond), float64(allocated)/(1<<20))
			if spent > most || allocated > hostileMemory {
				t.Errorf("%v of the processor and %d MB for a mail of %d KB", spent, allocated>>20, len(raw)>>10)
			}
		})
	}
}

// cost is what f takes of the processor, and what it allocates.
func cost(f func()) (time.Duration, uint64) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := processorTime()
	f()
	spent := processorTime() - began
	runtime.ReadMemStats(&after)
	return spent, after.TotalAlloc - before.TotalAlloc
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
