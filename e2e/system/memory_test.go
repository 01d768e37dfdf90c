package system

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"cofferdam/e2e/platform"
)

const (
	memoryPeople = 50
	memoryBasic  = 5
	memoryGone   = 60 * time.Second // after sign-out, porter too has forgotten
	signedIn     = "signed in"
)

// TestScannerFindsWhatIsThere: a scan that finds nothing proves something only if
// it finds what was planted, in a buffer and in a process.
func TestScannerFindsWhatIsThere(t *testing.T) {
	secrets := []string{rand.Text(), rand.Text(), rand.Text()}
	s, err := NewScanner(secrets)
	if err != nil {
		t.Fatal(err)
	}
	plain := func(login, password string) []byte {
		return []byte(base64.StdEncoding.EncodeToString([]byte("\x00" + login + "\x00" + password)))
	}
	for _, c := range []struct {
		what string
		mem  []byte
		want int
		form string
	}{
		{"as it is", []byte("......" + secrets[0] + "..."), 1, "plain"},
		{"in UTF-16", append([]byte{1, 2, 3}, wide(secrets[1])...), 1, "utf-16"},
		{"in a PLAIN response", plain("a@b.test", secrets[2]), 1, "base64"},
		{"in a PLAIN response of another length", plain("ab@b.test", secrets[2]), 1, "base64"},
		{"in a PLAIN response of a third length", plain("abc@b.test", secrets[2]), 1, "base64"},
		{"cut off", []byte(secrets[0][:len(secrets[0])-1]), 0, ""},
		{"all in one", []byte(strings.Join(secrets, "x")), 3, "plain"},
	} {
		f := s.Buffer(c.mem)
		if f.Count() != c.want {
			t.Errorf("%s: found %d, want %d", c.what, f.Count(), c.want)
		}
		if c.form != "" && !strings.Contains(f.Forms(), c.form) {
			t.Errorf("%s: found as %s, want %s", c.what, f.Forms(), c.form)
		}
	}
	// Across the edge of two pieces, in this very process.
	big := make([]byte, 3*chunk)
	for _, at := range []int{chunk - 5, 2*chunk - 20, 3*chunk - 40} {
		copy(big[at:], secrets[0])
	}
	f, err := s.Process(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if f.Secrets[0]["plain"] < 3 {
		t.Errorf("in this process: found %v", f.Secrets)
	}
	runtime.KeepAlive(big)
}

// memoryRow is one line of the table: who was scanned, when, and what was found.
type memoryRow struct {
	when, role string
	found      Found
}

// TestPasswordsInMemory signs 50 people in through the page's protocol and looks
// for their passwords in every role (issue: "must show" 5).
func TestPasswordsInMemory(t *testing.T) {
	if os.Geteuid() != 0 {
		platform.Unmet(t, "reading the memory of roles needs root")
	}
	users := make([]platform.User, memoryPeople+memoryBasic)
	secrets := make([]string, len(users))
	for i := range users {
		secrets[i] = rand.Text()[:24]
		users[i] = platform.User{Login: fmt.Sprintf("person%02d", i), Password: secrets[i]}
	}
	p := platform.Start(t, platform.Options{Users: users})
	s := Start(t, p, Options{Basic: true})
	scanner, err := NewScanner(secrets[:memoryPeople])
	if err != nil {
		t.Fatal(err)
	}
	basic, err := NewScanner(secrets[memoryPeople:])
	if err != nil {
		t.Fatal(err)
	}
	people := signInAll(t, s, p.Users[:memoryPeople])
	rows := scanRoles(t, s, scanner, signedIn)
	rows = append(rows, basicRows(t, s, p.Users[memoryPeople:], basic)...)
	for _, one := range people {
		if err := one.SignOut(t.Context()); err != nil {
			t.Fatalf("signing out: %v", err)
		}
	}
	out := time.Now()
	gone, took := waitForgotten(t, s, scanner, out)
	rows = append(rows, gone...)
	rows = append(rows, scanRoles(t, s, basic, fmt.Sprintf("Basic, %.0f s after", time.Since(out).Seconds()))...)
	t.Logf("passwords found in memory, of %d (Basic: of %d)\n%s", memoryPeople, memoryBasic, memoryTable(rows))
	checkMemory(t, rows)
	for _, r := range gone {
		if r.found.Count() > 0 {
			t.Errorf("%s holds %d passwords %v after sign-out, as %s", r.role, r.found.Count(), memoryGone, r.found.Forms())
		}
	}
	t.Logf("nobody held a password of the %d any more %v after the last sign-out, as the end of a scan saw it", memoryPeople, took.Round(100*time.Millisecond))
	if took > memoryGone {
		t.Errorf("the passwords were gone %v after sign-out, want %v at most", took, memoryGone)
	}
}

// checkMemory: nobody but porter ever holds a password that came by the page, and
// porter held all of them, or the scan proves nothing. Nothing is promised for
// Basic.
func checkMemory(t *testing.T, rows []memoryRow) {
	t.Helper()
	control := 0
	for _, r := range rows {
		kind, _, _ := strings.Cut(r.role, "/")
		switch {
		case strings.HasPrefix(r.when, "Basic"):
		case kind != "porter" && r.found.Count() > 0:
			t.Errorf("%s, %s: %d passwords, as %s", r.role, r.when, r.found.Count(), r.found.Forms())
		case kind == "porter" && r.when == signedIn:
			control++
			if r.found.Count() != memoryPeople {
				t.Errorf("porter, %s: found %d passwords, want all %d: the scan proves nothing", r.when, r.found.Count(), memoryPeople)
			}
		}
	}
	if control != 1 {
		t.Errorf("porter was scanned %d times while people were signed in, want once", control)
	}
}

// signInAll signs people in, several at a time, and has each read a page, so that
// every role on the way has had its part.
func signInAll(t *testing.T, s *Server, users []platform.User) []*Person {
	t.Helper()
	people := make([]*Person, len(users))
	errs := make([]error, len(users))
	var wg sync.WaitGroup
	slots := make(chan struct{}, 4)
	for i, u := range users {
		people[i] = s.Browser(u.Login)
		t.Cleanup(people[i].Close)
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if errs[i] = people[i].SignIn(t.Context(), u.Password); errs[i] == nil {
				_, errs[i] = people[i].List(t.Context(), Args{}, 0, 50, true)
			}
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("signing in %s: %v", users[i].Login, err)
		}
		if people[i].HTTP() != 2 {
			t.Fatalf("the page came by HTTP/%d", people[i].HTTP())
		}
	}
	return people
}

// scanRoles scans every process of the server but the supervisor's, which no
// request reaches; and that one too.
func scanRoles(t *testing.T, s *Server, scanner *Scanner, when string) []memoryRow {
	t.Helper()
	var rows []memoryRow
	roles := s.Roles()
	for _, name := range slices.Sorted(maps.Keys(roles)) {
		f, err := scanner.Process(roles[name])
		if err != nil {
			t.Errorf("scanning %s: %v", name, err)
		}
		if len(f.Skipped) > 0 {
			t.Errorf("%s has memory that cannot be read: %v", name, f.Skipped)
		}
		rows = append(rows, memoryRow{when, name, f})
	}
	f, err := scanner.Process(s.Pid())
	if err != nil {
		t.Errorf("scanning the supervisor: %v", err)
	}
	return append(rows, memoryRow{when, "server", f})
}

// waitForgotten scans until nobody holds a password, for a minute at most, and
// says how long that took.
func waitForgotten(t *testing.T, s *Server, scanner *Scanner, since time.Time) ([]memoryRow, time.Duration) {
	t.Helper()
	for {
		left := 0
		rows := scanRoles(t, s, scanner, fmt.Sprintf("signed out, %.0f s after", time.Since(since).Seconds()))
		for _, r := range rows {
			left += r.found.Count()
		}
		took := time.Since(since)
		if left == 0 || took > memoryGone {
			return rows, took
		}
		time.Sleep(min(3*time.Second, memoryGone-took))
	}
}

// basicRows are the figures of HTTP Basic, for which nothing is promised: gate
// sees those passwords (docs/threat-model.md).
func basicRows(t *testing.T, s *Server, users []platform.User, scanner *Scanner) []memoryRow {
	t.Helper()
	for _, u := range users {
		b := s.Browser(u.Login)
		defer b.Close()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Origin+"/jmap/session", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth(u.Login, u.Password)
		resp, err := b.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("Basic was answered %d", resp.StatusCode)
		}
	}
	return scanRoles(t, s, scanner, "Basic, live")
}

func memoryTable(rows []memoryRow) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "role\twhen\tfound\tforms\tMiB read")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%d\n", r.role, r.when, r.found.Count(), r.found.Forms(), r.found.Bytes>>20)
	}
	w.Flush()
	return b.String()
}
