package cofferdam_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// The floors of the house (DESIGN sections 2 and 9). Each line is a room and what
// of this module it may import; what is not named it may not. This is policy: a
// failing line is a talk about the design, not a line to edit. A line speaks of
// the code that ships; tests may look further, but see testFloors.
//
// "a/..." stands for a and all below.
const floors = `
# The words and the small rooms: they know nothing of us.
internal/user                 -
internal/limit                -
internal/memo                 -
internal/jmap/ijson           -
internal/jmap                 internal/jmap/ijson
internal/thread               -
internal/search               internal/jmap
internal/vacation             internal/jmap internal/sieve
internal/message              -
internal/sanitize             -
internal/sieve                -
internal/config               -
internal/sandbox              -
internal/ipc                  -

# The ciphers: sealto can seal and cannot open, so that importers and ledgers can
# have it without seal.
internal/sealto               -
internal/seal                 internal/sealto internal/user

# Protocols, each as a client.
internal/imap                 -
internal/submission           -
internal/managesieve          -

# Stores: sealed rows in, sealed rows out. It does not know how to seal.
internal/store/sqlfile        -
internal/store                internal/store/sqlfile internal/user
internal/store/spool          internal/user
internal/store/indexes        internal/user

# The mail wing: jmapserver > account > replica, outbox > upstream > imap.
internal/upstream             internal/imap internal/jmap internal/message
internal/upstream/memup       internal/upstream internal/imap internal/jmap internal/message
internal/upstream/imapup      internal/upstream internal/imap internal/jmap internal/message internal/thread internal/limit
internal/replica              internal/upstream internal/jmap internal/message internal/thread internal/user internal/limit
internal/outbox               internal/upstream internal/jmap internal/message internal/user internal/limit
internal/settings             internal/jmap
internal/account              internal/replica internal/outbox internal/settings internal/search internal/upstream/... internal/jmap internal/message internal/sieve internal/thread internal/user internal/limit internal/seal internal/imap internal/jmapserver internal/memo internal/vacation
internal/jmapserver           internal/jmap internal/jmap/ijson internal/limit

# Whom to tell of changes, and when. How a message leaves is the cell's to say.
internal/push                 internal/jmap internal/seal internal/limit

# Sealed classes as a cell works with them. It speaks to keeper by ipc, and has no
# way to a database.
internal/records              internal/ipc internal/seal internal/user internal/limit

# The roles. They meet on the wire, through ipc, and never import each other.
internal/gate                 internal/ipc internal/seal internal/limit internal/user
internal/cell                 internal/ipc internal/records internal/push internal/jmapserver internal/account internal/replica internal/outbox internal/settings internal/upstream/... internal/imap internal/jmap internal/message internal/sieve internal/thread internal/seal internal/user internal/limit internal/memo
internal/render               internal/ipc internal/sanitize internal/message internal/limit
internal/porter               internal/ipc internal/imap internal/submission internal/managesieve internal/sieve internal/seal internal/user internal/limit
internal/courier              internal/ipc internal/seal internal/limit
internal/keeper               internal/ipc internal/store internal/store/spool internal/store/indexes internal/seal internal/user internal/limit
internal/vault                internal/ipc internal/store/sqlfile internal/seal internal/user internal/limit

# Wiring. It starts roles and reads the configuration.
internal/server               internal/config internal/ipc internal/sandbox internal/seal internal/breakin internal/gate internal/cell internal/render internal/porter internal/courier internal/keeper internal/vault
# breakin lets an intruder into roles under the build tag cofferdam_breakin; in the
# build that is checked here, which is the one that ships, it does nothing.
internal/breakin              internal/ipc internal/sandbox
internal/doctor               internal/config internal/sandbox internal/imap internal/submission internal/managesieve internal/seal

# A mail platform of somebody else, inside of the process.
internal/demo                 internal/demo/...
internal/demo/sample          -

web                           -
cmd/cofferdam                 internal/config internal/server internal/doctor internal/demo internal/sandbox web

# Tools of tests. The product imports none of them (see bans).
internal/imap/imaptest                  -
internal/jmapserver/jmapservertest      internal/jmap internal/jmapserver
internal/push/pushtest                  -
internal/sandbox/sandboxtest            -
internal/sandbox/sandboxtest/prisoner   internal/sandbox internal/sandbox/sandboxtest
internal/store/storetest                internal/store internal/user
internal/store/registry                 -
internal/upstream/upstreamtest          internal/upstream internal/imap internal/jmap internal/message
internal/tools/requirements             -
internal/tools/testrun                  internal/tools/requirements
internal/tools/fuzzrun                  -

# The whole product from outside; its tests may look into any room.
e2e/platform                            -
e2e/roles                               e2e/platform internal/...
e2e/system                              e2e/platform internal/...
e2e/browser                             e2e/platform e2e/system internal/...
e2e/bench                               e2e/platform e2e/system internal/...
e2e/protocol                            e2e/platform e2e/system internal/...
e2e/clients                             e2e/platform e2e/system internal/...
e2e/differential                        e2e/platform e2e/system
e2e/many                                -
`

// The roles, present and to come.
var roles = []string{"internal/gate", "internal/cell", "internal/render", "internal/porter", "internal/keeper", "internal/vault",
	"internal/courier", "internal/warden", "internal/control"}

// The operators' wing of DESIGN section 8. No room of it exists yet; the rule
// waits for the first.
var operators = []string{"internal/control", "internal/incident", "internal/lifecycle", "internal/retention", "internal/integrity",
	"internal/notify", "internal/ticket", "internal/traffic", "internal/plan", "internal/ledger", "internal/importer"}

// The mail wing, which works on what people wrote.
var mailWing = []string{"internal/cell", "internal/jmapserver", "internal/account", "internal/replica", "internal/outbox", "internal/settings", "internal/upstream/...",
	"internal/imap", "internal/message", "internal/sanitize", "internal/thread", "internal/render", "internal/records", "internal/push", "internal/jmap/..."}

// ban says what the rooms of who must not reach, by whatever way.
type ban struct {
	who    []string // rooms; "*" is all of the product
	except []string
	never  []string
	direct bool // only importing it directly is banned: libraries may use it inside
	why    string
}

var bans = []ban{
	{who: operators, never: []string{"internal/seal", "internal/cell", "internal/account", "internal/message", "internal/jmapserver", "internal/replica", "internal/outbox"},
		why: "operators cannot read mail, and the import graph is where one can see it"},
	{who: mailWing, never: []string{"internal/store/...", "database/sql", "modernc.org/sqlite"},
		why: "what parses mail holds no credential of a database and could not use one"},
	{who: mailWing, never: []string{"internal/config", "internal/server"},
		why: "a cell gets the few values that concern it over its control line"},
	{who: []string{"internal/cell", "internal/render"}, never: []string{"internal/submission", "crypto/tls"}, direct: true,
		why: "a cell opens no connection: porter dials, authenticates and speaks TLS"},
	{who: []string{"internal/porter"}, never: []string{"internal/store/...", "database/sql", "internal/message", "internal/jmap", "internal/sanitize"},
		why: "porter has passwords, so it has neither a database nor a parser of mail"},
	{who: []string{"internal/courier"}, never: []string{"internal/store/...", "database/sql", "internal/message", "internal/jmap", "internal/jmapserver", "internal/imap", "internal/submission", "internal/sanitize"},
		why: "courier meets the whole internet, so it holds nothing and parses no mail"},
	{who: []string{"internal/keeper", "internal/vault"}, never: []string{"internal/imap", "internal/submission", "internal/message", "internal/jmap", "internal/sanitize"},
		why: "keeper and vault hold keys, so they parse no foreign protocol"},
	{who: []string{"internal/gate"}, never: []string{"internal/imap", "internal/submission", "internal/message", "internal/jmap", "internal/sanitize", "internal/store/...", "database/sql"},
		why: "gate faces the internet: it passes bytes on and parses no mail, and has no database"},
	{who: []string{"internal/render"}, never: []string{"internal/seal", "internal/sealto", "internal/imap", "internal/jmapserver", "internal/store/..."},
		why: "render meets hostile documents and holds nothing else"},
	{who: []string{"*"}, except: []string{"internal/server", "internal/doctor", "cmd/cofferdam"}, never: []string{"internal/config"}, direct: true,
		why: "one room reads the configuration, so that no role depends on a file"},
	{who: []string{"*"}, except: []string{"internal/seal", "internal/sealto"}, direct: true,
		never: []string{"crypto/aes", "crypto/cipher", "crypto/des", "crypto/rc4", "crypto/hpke", "crypto/mlkem", "crypto/hkdf", "crypto/ecdh", "crypto/pbkdf2",
			"golang.org/x/crypto/..."},
		why: "one room has the ciphers and derives the keys"},
	{who: []string{"*"}, except: []string{"internal/store", "internal/store/sqlfile", "internal/vault"}, never: []string{"database/sql", "modernc.org/sqlite"}, direct: true,
		why: "SQL is store's, and vault has a file of its own"},
	{who: []string{"*"}, except: []string{"internal/server", "internal/sandbox"}, never: []string{"os/exec"}, direct: true,
		why: "only the supervisor starts processes"},
	{who: []string{"*"}, except: []string{"internal/gate"}, never: []string{"github.com/caddyserver/certmagic", "github.com/pires/go-proxyproto", "github.com/coder/websocket/..."},
		why: "the face to the internet is gate's alone"},
	{who: []string{"*"}, except: []string{"internal/demo"}, never: []string{"github.com/emersion/go-imap/v2/...", "github.com/emersion/go-smtp"},
		why: "these servers are the demo's platform and test doubles; we speak to servers with our own clients"},
	{who: []string{"*"}, except: []string{"internal/sandbox"}, never: []string{"github.com/landlock-lsm/go-landlock/..."}, direct: true,
		why: "one room closes roles in"},
	{who: []string{"internal/demo"}, never: []string{"internal/ipc", "internal/seal", "internal/config", "internal/imap", "internal/submission"},
		why: "the demo's mail server is somebody else's platform: it must not lean on what it tries out"},
	{who: []string{"*"}, never: []string{"testing"}, direct: true,
		why: "tests live in their own files"},
	{who: []string{"*"}, never: []string{"internal/imap/imaptest", "internal/jmapserver/jmapservertest", "internal/push/pushtest", "internal/sandbox/sandboxtest/...", "internal/store/storetest", "internal/store/registry",
		"internal/upstream/upstreamtest", "internal/tools/...", "e2e/..."},
		why: "tools of tests do not ship"},
	{who: []string{"*"}, never: []string{"unsafe"}, except: []string{"internal/sandbox"}, direct: true,
		why: "only the sandbox speaks with the kernel by address"},
	{who: []string{"*"}, never: []string{"plugin", "expvar", "net/http/pprof"}, direct: true,
		why: "nothing is loaded at run time, and nothing answers by being imported"},
}

// Rooms that are tools of tests: the bans on the product do not speak of them.
var tools = []string{"internal/imap/imaptest", "internal/jmapserver/jmapservertest", "internal/push/pushtest", "internal/sandbox/sandboxtest/...", "internal/store/storetest", "internal/store/registry",
	"internal/upstream/upstreamtest", "internal/tools/...", "e2e/..."}

const modulePath = "cofferdam"

// rooms are the patterns that find all packages of the module.
var rooms = []string{".", "./cmd/...", "./internal/...", "./e2e/...", "./web"}

// installed says whether npm brought a package: its Go files are not ours.
func installed(path string) bool { return strings.Contains(path, "/node_modules/") }

// listed is what go list says of a package.
type listed struct {
	ImportPath, ForTest                string
	Standard                           bool
	Imports, Deps                      []string
	TestImports, XTestImports          []string
	Module                             *struct{ Path string }
	GoFiles, TestGoFiles, XTestGoFiles []string
	Error                              *struct{ Err string }
}

// room is a package's path inside of the module; others keep their import path.
func room(path string) string {
	if path == modulePath {
		return "."
	}
	return strings.TrimPrefix(path, modulePath+"/")
}

func (p *listed) ours() bool { return p.Module != nil && p.Module.Path == modulePath }

// matches says whether a pattern of the lists above names the room.
func matches(pattern, name string) bool {
	base, below := strings.CutSuffix(pattern, "/...")
	return name == base || below && strings.HasPrefix(name, base+"/")
}

func anyMatches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, name) })
}

// house lists the module's packages with all that they lean on.
func house(t *testing.T) map[string]*listed {
	t.Helper()
	args := []string{"list", "-e", "-deps", "-json=ImportPath,Standard,Imports,Deps,TestImports,XTestImports,Module,GoFiles,TestGoFiles,XTestGoFiles,Error"}
	out, err := exec.Command("go", append(args, rooms...)...).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	all := map[string]*listed{}
	d := json.NewDecoder(strings.NewReader(string(out)))
	for {
		p := new(listed)
		if err := d.Decode(p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if !installed(p.ImportPath) {
			all[room(p.ImportPath)] = p
		}
	}
}

// parseFloors reads the policy: a room and what it may import.
func parseFloors(text string) (map[string][]string, error) {
	out := map[string][]string{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		if len(f) < 2 || out[f[0]] != nil {
			return nil, fmt.Errorf("line %q: want one line a room, with what it may import or -", line)
		}
		out[f[0]] = f[1:]
	}
	return out, nil
}

// TestFloors: a package imports of this module what its line allows, and each
// package has a line.
func TestFloors(t *testing.T) {
	may, err := parseFloors(floors)
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range house(t) {
		if !p.ours() || name == "." {
			continue
		}
		allowed, ok := may[name]
		if !ok {
			t.Errorf("%s has no line in floors: which floor is it on?", name)
			continue
		}
		for _, path := range p.Imports {
			if strings.HasPrefix(path, modulePath+"/") && !anyMatches(allowed, room(path)) {
				t.Errorf("%s imports %s, which its floor does not allow", name, room(path))
			}
		}
	}
}

// TestRolesMeetOnTheWire: no role reaches another, not even by way of a third
// room, and not in its tests.
func TestRolesMeetOnTheWire(t *testing.T) {
	all := house(t)
	for _, role := range roles {
		p := all[role]
		if p == nil {
			continue // to come
		}
		for _, path := range slices.Concat(p.Deps, p.TestImports, p.XTestImports) {
			if other := room(path); other != role && slices.Contains(roles, other) {
				t.Errorf("%s reaches %s: roles never import each other, they meet through ipc", role, other)
			}
		}
	}
}

// TestBans: what must not be reached is not reached.
func TestBans(t *testing.T) {
	all := house(t)
	for name, p := range all {
		if !p.ours() || anyMatches(tools, name) {
			continue
		}
		for _, b := range bans {
			if anyMatches(b.except, name) || !slices.Contains(b.who, "*") && !anyMatches(b.who, name) {
				continue
			}
			if path, how := broken(all, p, b); path != "" {
				t.Errorf("%s %s %s: %s", name, how, path, b.why)
			}
		}
	}
}

// broken finds what p reaches against a ban. Where all of the product is meant,
// rooms that have leave may be passed through: server reaches SQL by keeper.
func broken(all map[string]*listed, p *listed, b ban) (path, how string) {
	for _, path := range p.Imports {
		if anyMatches(b.never, room(path)) {
			return room(path), "imports"
		}
	}
	if b.direct {
		return "", ""
	}
	seen := map[string]bool{}
	var walk func(*listed) string
	walk = func(q *listed) string {
		for _, path := range q.Imports {
			name := room(path)
			if anyMatches(b.never, name) {
				return name
			}
			if next := all[name]; next != nil && !seen[name] && !next.Standard && !anyMatches(b.except, name) {
				seen[name] = true
				if found := walk(next); found != "" {
					return found
				}
			}
		}
		return ""
	}
	return walk(p), "reaches"
}

// TestBansBite shows that the walk finds what it looks for: server does reach
// keeper's SQL, and nothing else would say so if the walk were broken.
func TestBansBite(t *testing.T) {
	all := house(t)
	for _, c := range []struct {
		who string
		b   ban
	}{
		{"internal/keeper", ban{never: []string{"modernc.org/sqlite"}}},
		{"internal/jmapserver", ban{never: []string{"internal/jmap/ijson"}, direct: true}},
		{"internal/porter", ban{never: []string{"internal/sealto"}}},
	} {
		p := all[c.who]
		if p == nil {
			t.Fatalf("%s is gone", c.who)
		}
		if path, _ := broken(all, p, c.b); path == "" {
			t.Errorf("%s: the walk does not find %v", c.who, c.b.never)
		}
	}
}
