package account_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"cofferdam/internal/account"
	"cofferdam/internal/jmap"
	"cofferdam/internal/jmapserver"
	"cofferdam/internal/upstream"
	"cofferdam/internal/upstream/memup"
)

const (
	// hostileCPU is what the answer to any Email/get of one mail may take of a
	// processor, and hostileBody what the body that is shown may.
	hostileCPU  = 500 * time.Millisecond
	hostileBody = 300 * time.Millisecond
	// hostileMemory bounds what is allocated meanwhile, all in all: a few times the
	// largest answer, maxResponseOctets of jmapserver.
	hostileMemory = 192 << 20
	// hostileAnswer is maxResponseOctets and a little.
	hostileAnswer = 33 << 20
)

// hostileMails are mails with much in little, each of the size that is fetched whole.
func hostileMails() map[string]string {
	const n = 250_000
	fill := func(n int, s string) string { return strings.Repeat(s, n/len(s)) }
	multi := "From: a@b\r\nContent-Type: multipart/%s; boundary=a\r\n\r\n"
	return map[string]string{
		"parts":             fmt.Sprintf(multi, "mixed") + fill(n, "--a\r\n\r\n"),
		"texts":             fmt.Sprintf(multi, "mixed") + fill(n, "--a\r\n\r\nSome words\r\n"),
		"HTML":              fmt.Sprintf(multi, "mixed") + fill(n, "--a\r\nContent-Type: text/html\r\n\r\n<p>Some words\r\n"),
		"alternatives":      fmt.Sprintf(multi, "alternative") + fill(n, "--a\r\n\r\nSome words\r\n--a\r\nContent-Type: text/html\r\n\r\n<p>x\r\n"),
		"pictures":          fmt.Sprintf(multi, "related") + "--a\r\nContent-Type: text/html\r\n\r\n<p>x\r\n" + fill(n, "--a\r\nContent-Type: image/png\r\nContent-ID: <x>\r\n\r\n\r\n"),
		"fields":            fill(n, "A:\r\n") + "\r\nx",
		"fields of parts":   fmt.Sprintf(multi, "mixed") + fill(n, "--a\r\n"+fill(500, "A:\r\n")+"\r\n"),
		"addresses":         "To: " + fill(n, "a,") + "\r\n\r\nx",
		"fields, addresses": fill(n, "To: a,b,c,d,e\r\n") + "\r\nx",
		"controls":          "Subject: x\r\n\r\n" + fill(n, "\x01"),
		"not UTF-8":         "Content-Type: text/plain; charset=utf-8\r\n\r\n" + fill(n, "\xff"),
	}
}

// hostileRequest asks for all that there is, for as many header fields as may be
// asked of a mail, and for some of each part.
func hostileRequest(id string, ofPart int) string {
	names := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"header:X-%d:asText:all"`, i)
		}
		return b.String()
	}
	return `{"using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail"],"methodCalls":[["Email/get",{"accountId":"a1","ids":["` + id + `"],
		"properties":["bodyValues","textBody","htmlBody","attachments","bodyStructure","headers","preview","hasAttachment","to",
		"header:To:asGroupedAddresses:all"` + names(198) + `],
		"bodyProperties":["partId","type","headers","subParts"` + names(ofPart) + `],
		"fetchTextBodyValues":true,"fetchHTMLBodyValues":true,"fetchAllBodyValues":true},"0"]]}`
}

// TestHostileMails asks an account for everything of mails that hold much in little,
// with requests that ask for much: each is answered or refused, with bounded work.
func TestHostileMails(t *testing.T) {
	for name, mail := range hostileMails() {
		t.Run(name, func(t *testing.T) {
			platform := memup.New(memup.Options{Identity: upstream.IdentityGUID})
			r := newRig(t, platform.Open(), platform.Open())
			r.deliver("INBOX", mail)
			id := r.waitFor(r.box(jmap.RoleInbox), 1)[0]
			h, err := jmapserver.New(jmapserver.Config{Log: slog.New(slog.DiscardHandler),
				BaseURL: func(*http.Request) string { return "https://mail.example.org" },
				Person: func(*http.Request) (*jmapserver.Person, bool) {
					return &jmapserver.Person{Key: "p", Username: "ann", Accounts: []jmapserver.Account{r.a}}, true
				}})
			r.must(err)
			for _, ofPart := range []int{0, 9, 199} {
				checkCost(t, "Email/get", hostileCPU, func() int {
					req := httptest.NewRequestWithContext(r.ctx, http.MethodPost, "/jmap/api", strings.NewReader(hostileRequest(string(id), ofPart)))
					req.Header.Set("Content-Type", "application/json")
					w := httptest.NewRecorder()
					h.ServeHTTP(w, req)
					if w.Code != http.StatusOK {
						t.Errorf("%d %s", w.Code, w.Body)
					}
					return w.Body.Len()
				})
			}
			var body account.Body
			checkCost(t, "body", hostileBody, func() int {
				body, err = r.a.Body(r.ctx, id)
				r.must(err)
				return len(body.Value)
			})
		})
	}
}

func checkCost(t *testing.T, what string, most time.Duration, f func() (octets int)) {
	t.Helper()
	spent, allocated, octets := cost(f)
	if spent > most*raceFactor { // another thing ran in this process, or the collector did
		spent, allocated, octets = cost(f)
	}
	t.Logf("%s: %d bytes, %v, %.1f MB", what, octets, spent.Round(time.Millisecond), float64(allocated)/(1<<20))
	if spent > most*raceFactor || allocated > hostileMemory || octets > hostileAnswer {
		t.Errorf("%s: %d bytes, %v of the processor and %d MB", what, octets, spent, allocated>>20)
	}
}

// cost is what f takes of the processor, and what it allocates.
func cost(f func() int) (time.Duration, uint64, int) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := processorTime()
	n := f()
	spent := processorTime() - began
	runtime.ReadMemStats(&after)
	return spent, after.TotalAlloc - before.TotalAlloc, n
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
