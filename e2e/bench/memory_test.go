package bench

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"cofferdam/e2e/platform"
	"cofferdam/e2e/system"
)

// memory writes how much the roles hold with one idle person and with many.
func memory(t *testing.T, doc *report) {
	if os.Geteuid() != 0 {
		t.Log("n/a: memory figures, as reading them of other users' processes needs root")
		return
	}
	many := 6
	if long() {
		many = 51
	}
	p := platform.Start(t, platform.Options{People: many})
	s := system.Start(t, p, system.Options{LogLevel: "warn"})
	empty := pss(t, s)
	signIn(t, s, p.Users[:1])
	one := pss(t, s)
	signIn(t, s, p.Users[1:])
	all := pss(t, s)
	doc.printf("## Memory\n\nProportional set size (PSS) in MiB, %v after the last request, small mailboxes.\n\n", settle)
	doc.printf("| role | processes | nobody | 1 person | %d people | KiB for each further person |\n|---|--:|--:|--:|--:|--:|\n", many)
	var sum [3]int64
	for _, kind := range slices.Sorted(maps.Keys(all)) {
		figures := [3]int64{empty[kind].kib, one[kind].kib, all[kind].kib}
		for i, f := range figures {
			sum[i] += f
		}
		doc.printf("| %s | %d | %.1f | %.1f | %.1f | %d |\n", kind, all[kind].processes, mib(figures[0]), mib(figures[1]), mib(figures[2]), (figures[2]-figures[1])/int64(many-1))
	}
	doc.printf("| all | | %.1f | %.1f | %.1f | %d |\n\n", mib(sum[0]), mib(sum[1]), mib(sum[2]), (sum[2]-sum[1])/int64(many-1))
	doc.printf("porter's share is mostly the memory that the key derivation of a sign-in uses (64 MiB), which the runtime gives back by and by.\n")
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
		if _, err := one.List(t.Context(), system.Args{}, 0, pageSize, true); err != nil {
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
