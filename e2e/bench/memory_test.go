package bench

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"cofferdam/e2e/platform"
	"cofferdam/e2e/system"
)

// memory writes how much the roles hold with nobody, one person and many, with many
// who are silent, and what it costs to give each few people a cell of their own.
func memory(t *testing.T, doc *report) {
	if os.Geteuid() != 0 {
		t.Log("n/a: memory figures, as reading them of other users' processes needs root")
		return
	}
	many, mails, each := 6, 100, []int{1, 3}
	if long() {
		many, mails, each = 128, 1000, []int{1, 8, 64}
	}
	p := platform.Start(t, platform.Options{Users: crowdOf(t, many, mails)})
	doc.printf("## Memory\n\nProportional set size (PSS), %v after the last request. Each person has %d mails, signed in and saw a list page and a mail.\n\n", settle, mails)
	nobody := activeMemory(t, doc, p)
	silentMemory(t, doc, p, nobody)
	cellMemory(t, doc, p, each)
	if long() {
		largeMemory(t, doc)
	}
	doc.printf("porter's share is mostly the memory that the key derivation of a sign-in uses (64 MiB), which the runtime gives back by and by.\n")
}

// crowdOf are people with the same mails, each with an account of their own.
func crowdOf(t *testing.T, many, mails int) []platform.User {
	t.Helper()
	folder := platform.Maildir(t, platform.MaildirSpec{Count: mails})
	var users []platform.User
	for i := range many {
		users = append(users, platform.User{Login: fmt.Sprintf("crowd%03d", i), Password: "password-bench", Maildir: folder})
	}
	return users
}

// activeMemory is the table by role; it returns the KiB of all roles without people.
func activeMemory(t *testing.T, doc *report, p *platform.Platform) (nobody int64) {
	s := system.Start(t, p, system.Options{LogLevel: "warn"})
	many := len(p.Users)
	empty := pss(t, s)
	signIn(t, s, p.Users[:1])
	one := pss(t, s)
	signIn(t, s, p.Users[1:])
	all := pss(t, s)
	doc.printf("| role | processes | nobody, MiB | 1 person | %d people | KiB for each further person |\n|---|--:|--:|--:|--:|--:|\n", many)
	var sum [3]int64
	for _, kind := range slices.Sorted(maps.Keys(all)) {
		figures := [3]int64{empty[kind].kib, one[kind].kib, all[kind].kib}
		for i, f := range figures {
			sum[i] += f
		}
		doc.printf("| %s | %d | %.1f | %.1f | %.1f | %d |\n", kind, all[kind].processes, mib(figures[0]), mib(figures[1]), mib(figures[2]), (figures[2]-figures[1])/int64(many-1))
	}
	doc.printf("| all | | %.1f | %.1f | %.1f | %d |\n\n", mib(sum[0]), mib(sum[1]), mib(sum[2]), (sum[2]-sum[1])/int64(many-1))
	stop(t, s)
	return sum[0]
}

// silentMemory is what people cost of whom nothing was heard for a while.
func silentMemory(t *testing.T, doc *report, p *platform.Platform, nobody int64) {
	s := system.Start(t, p, system.Options{LogLevel: "warn", Edit: func(toml string) string {
		return strings.Replace(toml, "[cells]\n", "[cells]\nforget = \"10s\"\n", 1)
	}})
	signIn(t, s, p.Users)
	for until := time.Now().Add(indexTime); ; time.Sleep(time.Second) {
		text, err := s.AdminGet(t.Context(), "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		if !somebody.MatchString(text) {
			break
		}
		if time.Now().After(until) {
			t.Fatal("silent people are still in their cells")
		}
	}
	silent := total(pss(t, s))
	doc.printf("%d people of whom nothing was heard for `cells.forget`: all roles %.1f MiB, %d KiB each more than with nobody.\n\n",
		len(p.Users), mib(silent), max(0, silent-nobody)/int64(len(p.Users)))
	stop(t, s)
}

var somebody = regexp.MustCompile(`(?m)^cofferdam_cell_people\{[^}]*\} [1-9]`)

// cellMemory is the price of fewer people in a cell.
func cellMemory(t *testing.T, doc *report, p *platform.Platform, each []int) {
	many := slices.Max(each)
	doc.printf("| people a cell | cells | %d people, MiB in all roles | KiB a person |\n|--:|--:|--:|--:|\n", many)
	for _, n := range each {
		s := system.Start(t, p, system.Options{LogLevel: "warn", PeoplePerCell: n, Renders: 1})
		signIn(t, s, p.Users[:many])
		cells := len(s.Kind("cell"))
		all := total(pss(t, s))
		doc.printf("| %d | %d | %.1f | %d |\n", n, cells, mib(all), all/int64(many))
		stop(t, s)
	}
	doc.printf("\n")
}

// largeMemory is what people with large mailboxes cost: a few of them, each of whom
// is counted by the growth beyond one.
func largeMemory(t *testing.T, doc *report) {
	const many, mails = 8, 100_000
	p := platform.Start(t, platform.Options{Users: crowdOf(t, many, mails)})
	s := system.Start(t, p, system.Options{LogLevel: "warn"})
	empty := total(pss(t, s))
	var sum []int64
	for _, some := range [][]platform.User{p.Users[:1], p.Users[1:]} {
		for _, u := range some {
			b := &bench{t: t, server: s, platform: p, user: u}
			signIn(t, s, []platform.User{u})
			b.person = s.Browser(u.Login)
			b.person.Patience = indexTime
			b.must(b.person.SignIn(t.Context(), u.Password))
			inbox, err := b.person.ByRole(t.Context(), "inbox")
			b.must(err)
			b.complete(t.Context(), inbox)
			b.leave(t.Context()) // the other session stays
		}
		sum = append(sum, total(pss(t, s)))
	}
	each := (sum[1] - sum[0]) / int64(many-1)
	doc.printf("%d people with %d mails each, whose index is complete: all roles %.1f MiB with nobody, %.1f with one, %.1f with all; %.1f MiB for each further person, %.0f bytes a mail. At that rate 128 of them take %.0f MiB.\n\n",
		many, mails, mib(empty), mib(sum[0]), mib(sum[1]), mib(each), float64(each)*1024/float64(mails), mib(sum[0]+127*each))
	stop(t, s)
}

func stop(t *testing.T, s *system.Server) {
	t.Helper()
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

func total(all map[string]figure) (kib int64) {
	for _, f := range all {
		kib += f.kib
	}
	return kib
}

func mib(kib int64) float64 { return float64(kib) / 1024 }

func signIn(t *testing.T, s *system.Server, users []platform.User) {
	t.Helper()
	for _, u := range users {
		one := s.Browser(u.Login)
		t.Cleanup(one.Close)
		if err := one.SignIn(t.Context(), u.Password); err != nil {
			t.Fatal(err)
		}
		page, err := one.List(t.Context(), system.Args{}, 0, pageSize, true)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := one.OpenMail(t.Context(), page.IDs[0]); err != nil {
			t.Fatal(err)
		}
	}
}

type figure struct {
	processes int
	kib       int64
}

// pss reads the memory of all roles, by kind, once the server has rested.
func pss(t *testing.T, s *system.Server) map[string]figure {
	t.Helper()
	time.Sleep(settle)
	pids := s.Roles()
	pids["server"] = s.Pid()
	out := map[string]figure{}
	for name, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := strings.Cut(name, "/")
		f := out[kind]
		f.processes++
		for line := range strings.Lines(string(text)) {
			var kib int64
			if _, err := fmt.Sscanf(line, "Pss: %d kB", &kib); err == nil {
				f.kib += kib
			}
		}
		out[kind] = f
	}
	return out
}
