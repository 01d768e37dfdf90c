package protocol

import (
	"flag"
	"os"
	"testing"

	"cofferdam/e2e/system"
)

// check is one test of a family.
type check struct {
	name string
	f    func(*world)
}

// family is the tests of one kind of method, which share a person.
type family struct {
	name   string
	checks []check
}

// families are the rows of docs/results/tiers.md.
var families = []family{
	{"Core", coreChecks},
	{"Mailbox", mailboxChecks},
	{"Thread", threadChecks},
	{"Email/get", getChecks},
	{"Email/query", queryChecks},
	{"Email/queryChanges", queryChangesChecks},
	{"Email/set", setChecks},
	{"Email/changes", changesChecks},
	{"Email/import, /copy, /parse", importChecks},
	{"Blob", blobChecks},
	{"EmailSubmission, Identity", submissionChecks},
	{"EventSource", pushChecks},
	{"another program", otherChecks},
}

func TestMain(m *testing.M) {
	flag.Parse()
	// Tests wait for servers more than they work.
	if err := flag.Set("test.parallel", "40"); err != nil {
		panic(err)
	}
	os.Exit(system.Main(m))
}

// TestProtocol runs every family over every tier.
func TestProtocol(t *testing.T) {
	ran := newTable()
	t.Run("tiers", func(t *testing.T) {
		for _, tier := range tiers {
			t.Run(tier.name, func(t *testing.T) {
				t.Parallel()
				s := tier.start(t)
				for n, f := range families {
					t.Run(f.name, func(t *testing.T) {
						t.Parallel()
						f.run(t, s, n, func() { ran.count(tier.name, f.name) })
					})
				}
			})
		}
	})
	ran.compare(t)
}

// run signs somebody in and asks them all of the family.
func (f family) run(t *testing.T, s *site, n int, passed func()) {
	w := &world{T: t, site: s, other: s.other(t, n)}
	var release func()
	w.wire, w.address, release = s.signIn(t, n)
	t.Cleanup(release)
	w.open()
	for _, c := range f.checks {
		t.Run(c.name, func(t *testing.T) {
			one := *w
			one.T = t
			c.f(&one)
			if !t.Failed() && !t.Skipped() {
				passed()
			}
		})
	}
}
