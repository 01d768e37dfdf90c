package sandbox

import (
	"strings"
	"testing"
)

// TestLimits: a profile with MaxPaths, an order of maxOrder bytes and a program of
// maxProgram instructions pass; one more does not.
func TestLimits(t *testing.T) {
	p := Cell(MemoryFloor)
	for range MaxPaths {
		p.Read = append(p.Read, "/srv")
	}
	if err := p.check(); err != nil {
		t.Errorf("MaxPaths: %v", err)
	}
	p.Read = append(p.Read, "/srv")
	if err := p.check(); err == nil {
		t.Error("MaxPaths and one more are taken")
	}
	order := func(n int) (int, error) {
		o := order{Profile: Keeper("/" + strings.Repeat("x", n))}
		s, err := o.encode()
		return len(s) - len(envOrder+"="), err
	}
	short, err := order(100)
	if err != nil {
		t.Fatal(err)
	}
	each := 1 // how often the folder stands in the order
	if longer, _ := order(101); longer > short {
		each = longer - short
	}
	fits := 100 + (maxOrder-short)/each
	if n, err := order(fits); err != nil || n <= maxOrder-each {
		t.Errorf("maxOrder: %d bytes, %v", n, err)
	}
	if _, err := order(fits + 1); err == nil {
		t.Error("an order of more than maxOrder is written")
	}
	few, err := assemble(auditArch, make([]rule, 10), allow)
	if err != nil {
		t.Fatal(err)
	}
	more, _ := assemble(auditArch, make([]rule, 11), allow)
	step := len(more) - len(few)
	n := 10 + (maxProgram-len(few))/step
	if prog, err := assemble(auditArch, make([]rule, n), allow); err != nil || len(prog) <= maxProgram-step {
		t.Errorf("maxProgram: %d instructions, %v", len(prog), err)
	}
	if _, err := assemble(auditArch, make([]rule, n+1), allow); err == nil {
		t.Error("a program of more than maxProgram is made")
	}
}
