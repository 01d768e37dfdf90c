package porter

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"cofferdam/internal/ipc"
	"cofferdam/internal/managesieve"
	"cofferdam/internal/sieve"
)

// guard looks at every script before the first step is taken. What a script would
// send out of the account (a redirect, a notice) or for whom it would answer (a
// vacation) must be the person's own, or stand in one of the scripts that the
// person has on the server already. Anything else needs a step-up grant, which
// only keeper may give after the person has signed in again; there is none yet,
// so that it is refused.
func (s *sieveSession) guard(ctx context.Context, steps []ipc.SieveStep) (ipc.SieveDone, error) {
	if err := validSteps(steps); err != nil {
		return ipc.SieveDone{}, err
	}
	var stored *storedTargets
	for _, step := range steps {
		if bad := newName(step); bad != "" && !managesieve.ValidName(bad) {
			return ipc.SieveDone{No: ipc.SieveInvalid, Text: "the name of a script has 1 to 128 characters, none of them a control character"}, nil
		}
		if step.Verb != ipc.SievePut {
			continue
		}
		script, done := parseScript(step.Content)
		if done.No != "" {
			return done, nil
		}
		out := script.Outward(s.owns)
		if len(out) == 0 {
			continue
		}
		if stored == nil {
			var err error
			if stored, err = s.storedTargets(ctx); err != nil {
				return ipc.SieveDone{}, err
			}
		}
		if t := stored.unknown(step.Content, out); t != nil {
			return s.forbid(ctx, step.Content, t)
		}
	}
	return ipc.SieveDone{}, nil
}

// forbid refuses a target. A command that nobody knows is a slip of the pen as a
// rule: then the server's words help, and it is no matter of confirming.
func (s *sieveSession) forbid(ctx context.Context, content []byte, t *sieve.Target) (ipc.SieveDone, error) {
	if done, err := s.check(ctx, content); err != nil || done.No != "" {
		return done, err
	}
	return ipc.SieveDone{No: ipc.SieveForbidden, Text: refusalText(t)}, nil
}

// newName is a name that a step would give to a script.
func newName(s ipc.SieveStep) string {
	switch s.Verb {
	case ipc.SievePut:
		return s.Name
	case ipc.SieveRename:
		return s.To
	}
	return ""
}

// refusalText tells the person which command it is, and not whither: the text
// passes through roles that need not know.
func refusalText(t *sieve.Target) string {
	what := "sends mail out of this account"
	switch t.Kind {
	case "redirect":
		what = "forwards mail to a new address"
	case "notify":
		what = "sends notices to a new place"
	case "vacation":
		what = "answers for an address that is not of this account"
	}
	return fmt.Sprintf("line %d: %q %s; that needs a confirmation that this server cannot take yet, so set it up where your provider offers it", t.Line, t.Kind, what)
}

func (s *sieveSession) owns(address string) bool {
	return slices.ContainsFunc(s.own, func(a string) bool { return strings.EqualFold(a, address) })
}

// parseScript reads a script, with what is wrong with it.
func parseScript(content []byte) (*sieve.Script, ipc.SieveDone) {
	if len(content) > sieve.MaxScript {
		return nil, ipc.SieveDone{No: ipc.SieveTooLarge, Text: fmt.Sprintf("a script has at most %d bytes", sieve.MaxScript)}
	}
	script, err := sieve.Parse(string(content))
	if err != nil {
		return nil, ipc.SieveDone{No: ipc.SieveInvalid, Text: clip(err.Error())}
	}
	return script, ipc.SieveDone{}
}

// storedTargets is what the person's scripts reach already: it came there by a
// confirmation, or by another program that knows the password.
type storedTargets struct {
	known map[[2]string]struct{} // kind and value
	whole map[string]struct{}    // scripts
}

func (s *sieveSession) storedTargets(ctx context.Context) (*storedTargets, error) {
	scripts, err := s.read, error(nil)
	if scripts == nil {
		scripts, err = s.scripts(ctx)
	}
	if err != nil {
		return nil, err
	}
	st := &storedTargets{known: map[[2]string]struct{}{}, whole: map[string]struct{}{}}
	for _, sc := range scripts {
		st.whole[string(sc.Content)] = struct{}{}
		script, err := sieve.Parse(string(sc.Content))
		if err != nil {
			continue // it reaches what it reaches; nothing can be learned of it
		}
		for _, t := range script.Outward(s.owns) {
			if t.Fixed {
				st.known[[2]string{t.Kind, t.Value}] = struct{}{}
			}
		}
	}
	return st, nil
}

// unknown is the first target that is new, nil if none is. A script that cannot
// be judged by its targets is known if it is there, byte by byte.
func (st *storedTargets) unknown(content []byte, list []sieve.Target) *sieve.Target {
	if _, same := st.whole[string(content)]; same {
		return nil
	}
	for i := range list {
		if _, known := st.known[[2]string{list[i].Kind, list[i].Value}]; !known || !list[i].Fixed {
			return &list[i]
		}
	}
	return nil
}
