package jmapserver

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// hostileCPU is what a request may take of a processor, whatever it asks, beside
	// what mail platform and index do for it: the largest one that may be sent, of
	// maxSizeRequest, is read in about 100 ms.
	hostileCPU = time.Second
	// hostileMemory bounds what is allocated for it, all in all; much of it is garbage
	// at once.
	hostileMemory = 512 << 20
)

// list is n times what f makes, with commas between; a part of it with the race
// detector.
func list(n int, f func(i int) string) string {
	if n > 1000 {
		n /= raceShare
	}
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(f(i))
	}
	return b.String()
}

func fixed(s string) func(int) string { return func(int) string { return s } }

// hostileCalls are method calls that are made to cost much.
func hostileCalls() map[string]string {
	nest := func(n int, open, inner, shut string) string {
		return strings.Repeat(open, n) + inner + strings.Repeat(shut, n)
	}
	not := func(n int, leaf string) string {
		return nest(n, `{"operator":"NOT","conditions":[`, leaf, `]}`)
	}
	query := func(filter string) string { return `["Email/query",{"accountId":"a1","filter":` + filter + `},"0"]` }
	echo := func(value string) string { return `["Core/echo",{"a":` + value + `},"0"]` }
	get := func(rest string) string { return `["Email/get",{"accountId":"a1",` + rest + `},"0"]` }
	set := func(rest string) string { return `["Email/set",{"accountId":"a1",` + rest + `},"0"]` }
	// Each call refers sixteen times to the first one, and is refused for another reason.
	referring := func(calls int, path string) string {
		refs := list(16, func(i int) string {
			return fmt.Sprintf(`"#b%d":{"resultOf":"0","name":"Core/echo","path":"%s"}`, i, path)
		})
		return list(calls, fixed(`["Email/get",{`+refs+`},"1"]`))
	}
	return map[string]string{
		"nested filters":      query(not(25, `{"hasKeyword":"a"}`)),
		"filters too deep":    query(not(1000, `{}`)),
		"many conditions":     query(`{"operator":"OR","conditions":[` + list(60_000, fixed(`{"text":"a"}`)) + `]}`),
		"trees of filters":    list(31, fixed(query(`{"operator":"AND","conditions":[`+list(250, fixed(`{"allInThreadHaveKeyword":"a"}`))+`]}`))),
		"many mailboxes":      query(`{"inMailboxOtherThan":[` + list(190_000, func(i int) string { return fmt.Sprintf(`"m%d"`, i) }) + `]}`),
		"many comparators":    `["Email/query",{"accountId":"a1","sort":[` + list(60_000, fixed(`{"property":"size"}`)) + `]},"0"]`,
		"many ids":            get(`"ids":[` + list(190_000, func(i int) string { return fmt.Sprintf(`"m%d"`, i) }) + `]`),
		"one id many times":   get(`"ids":[` + list(190_000, fixed(`"e1"`)) + `]`),
		"many properties":     get(`"ids":["e1"],"properties":[` + list(190_000, func(i int) string { return fmt.Sprintf(`"header:X-%d"`, i) }) + `]`),
		"one property":        get(`"ids":["e1"],"properties":[` + list(190_000, fixed(`"header:X"`)) + `]`),
		"500 header fields":   get(`"ids":["e1"],"properties":[` + list(500, func(i int) string { return fmt.Sprintf(`"header:X-%d:all"`, i) }) + `]`),
		"200 header fields":   list(32, fixed(get(`"ids":["e1","e2","e3","e4","e5"],"properties":["headers",`+list(199, func(i int) string { return fmt.Sprintf(`"header:X-%d:asText:all"`, i) })+`]`))),
		"many pointers":       set(`"update":{"e1":{` + list(100_000, func(i int) string { return fmt.Sprintf(`"keywords/k%d":true`, i) }) + `}}`),
		"pointers of slashes": set(`"update":{"e1":{` + list(900, func(i int) string { return fmt.Sprintf(`"keywords%s%d":true`, strings.Repeat("/", 500), i) }) + `}}`),
		"many patches": set(`"update":{` + list(190, func(i int) string {
			return fmt.Sprintf(`"m%d":{%s}`, i, list(1000, func(i int) string { return fmt.Sprintf(`"keywords/keyword%d":true`, i) }))
		}) + `}`),
		"many creations": set(`"create":{` + list(90_000, func(i int) string { return fmt.Sprintf(`"m%d":{}`, i) }) + `}`),
		"many parts of a draft": set(`"create":{"a":{"mailboxIds":{"Md":true},"bodyStructure":{"type":"multipart/mixed","subParts":[` +
			list(40_000, fixed(`{"partId":"1","type":"text/plain"}`)) + `]},"bodyValues":{"1":{"value":"x"}}}}`),
		"many arguments":          `["Email/get",{"accountId":"a1",` + list(190_000, func(i int) string { return fmt.Sprintf(`"a%d":1`, i) }) + `},"0"]`,
		"many members":            echo(`{` + list(190_000, func(i int) string { return fmt.Sprintf(`"a%d":1`, i) }) + `}`),
		"a long text of escapes":  echo(`"` + strings.Repeat(`\u00e9`, 1_600_000) + `"`),
		"texts that grow":         echo(`"`+strings.Repeat(`\n`, 4_900_000)+`"`) + "," + list(20, fixed(`["Core/echo",{"#a":{"resultOf":"0","name":"Core/echo","path":"/a"}},"0"]`)),
		"deep":                    echo(nest(5_000_000, "[", "", "]")),
		"many small values":       echo(`[` + list(4_900_000, fixed(`1`)) + `]`),
		"many small values, less": echo(`[` + list(199_000, fixed(`1`)) + `]`),
		"levels of references":    echo(nest(50, "[", list(190_000, fixed("1")), "]")) + "," + referring(31, "/a"+strings.Repeat("/*", 50)),
		"references to all":       echo(`[`+list(60_000, fixed(`{"b":[1]}`))+`]`) + "," + referring(31, "/a/*/b/*"),
		"references to nothing":   echo(`[`+list(90_000, fixed(`{"b":1}`))+`]`) + "," + referring(31, "/a/*/c"),
		"references of one name":  echo(`1`) + "," + referring(31, "/a"+strings.Repeat("/a", 500_000/31/16)),
		"references of references": echo(`[`+list(1000, fixed("[1,2,3]"))+`]`) + "," + list(30, func(i int) string {
			return fmt.Sprintf(`["Core/echo",{"#a":{"resultOf":"%d","name":"Core/echo","path":"/a/*"}},"%d"]`, min(i, 1)*i, i+1)
		}),
	}
}

// TestHostileRequests sends requests that are made to cost much: each is refused or
// answered, with bounded work.
func TestHostileRequests(t *testing.T) {
	for name, calls := range hostileCalls() {
		t.Run(name, func(t *testing.T) {
			text := `{"using":["urn:ietf:params:jmap:core","urn:ietf:params:jmap:mail"],"methodCalls":[` + calls + `]}`
			if int64(len(text)) > DefaultLimits().MaxSizeRequest+1<<20 {
				t.Fatalf("%d bytes: no such request is ever read", len(text))
			}
			checkCost(t, text)
		})
	}
	t.Run("capabilities", func(t *testing.T) {
		checkCost(t, `{"using":[`+list(190_000, fixed(`"urn:ietf:params:jmap:core"`))+`],"methodCalls":[`+list(32, fixed(`["a",{},"0"]`))+`]}`)
	})
	t.Run("ids of creations", func(t *testing.T) {
		checkCost(t, `{"using":["urn:ietf:params:jmap:core"],"createdIds":{`+list(190_000, func(i int) string { return fmt.Sprintf(`"a%d":"b"`, i) })+`},"methodCalls":[]}`)
	})
}

func checkCost(t *testing.T, text string) {
	t.Helper()
	h, p := newHandler(t)
	said := ""
	work := func() {
		out, bad := h.process(context.Background(), p, text, "")
		said = fmt.Sprintf("%d bytes", len(out))
		if bad != nil {
			said = "refused: " + bad.detail
		}
		if len(out) > maxResponseOctets+1<<20 {
			t.Errorf("an answer of %d bytes", len(out))
		}
	}
	most := hostileCPU * raceFactor
	spent, allocated := cost(work)
	if spent > most { // another thing ran in this process, or the collector did
		spent, allocated = cost(work)
	}
	t.Logf("%d bytes in, %s, %v, %.1f MB", len(text), said, spent.Round(time.Millisecond), float64(allocated)/(1<<20))
	if spent > most || allocated > hostileMemory {
		t.Errorf("%v of the processor and %d MB", spent, allocated>>20)
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
