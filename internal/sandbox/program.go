package sandbox

import (
	"fmt"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// A rule says what becomes of one system call.
type rule struct {
	nr     uint32
	conds  []cond // all must hold, else the call gets errno EPERM
	action uint32 // what is returned when they do
}

// A cond holds when the low 32 bits of an argument, masked, are one of the
// values. The kernel too looks at no more than the low half of the arguments
// that are tested here: they are ints, or flags below bit 32.
type cond struct {
	arg    int
	mask   uint32
	values []uint32
}

const (
	allow       = uint32(unix.SECCOMP_RET_ALLOW)
	kill        = uint32(unix.SECCOMP_RET_KILL_PROCESS)
	wholeWord   = ^uint32(0)
	offsetNr    = 0  // struct seccomp_data
	offsetArch  = 4  // of linux/seccomp.h
	offsetArgs  = 16 // six words of 64 bits
	wordBytes   = 4
	x32Bit      = 0x40000000 // x32 calls on x86-64 carry it and the same arch
	maxJumpBody = 255        // a conditional jump of BPF is 8 bits
)

func refuse(e unix.Errno) uint32 {
	return uint32(unix.SECCOMP_RET_ERRNO) | uint32(e)&unix.SECCOMP_RET_DATA
}

// assemble turns rules into a seccomp program. The first rule of a call decides;
// a call with no rule gets fallback. Another architecture's calls end the
// process: their numbers mean other things.
func assemble(arch uint32, rules []rule, fallback uint32) ([]bpf.RawInstruction, error) {
	prog := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offsetArch, Size: wordBytes},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: arch, SkipTrue: 1},
		bpf.RetConstant{Val: kill},
		bpf.LoadAbsolute{Off: offsetNr, Size: wordBytes},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: x32Bit, SkipTrue: 1},
		bpf.RetConstant{Val: kill},
	}
	for _, r := range rules {
		body := r.body()
		if len(body) > maxJumpBody {
			return nil, fmt.Errorf("seccomp rule of call %d is too long", r.nr)
		}
		prog = append(prog, bpf.JumpIf{Cond: bpf.JumpEqual, Val: r.nr, SkipFalse: uint8(len(body))})
		prog = append(prog, body...)
	}
	prog = append(prog, bpf.RetConstant{Val: fallback})
	if len(prog) > maxProgram {
		return nil, fmt.Errorf("seccomp program has %d instructions, at most %d", len(prog), maxProgram)
	}
	return bpf.Assemble(prog)
}

// body tests the conditions in turn and ends in a return on every path.
func (r rule) body() []bpf.Instruction {
	var out []bpf.Instruction
	for _, c := range r.conds {
		out = append(out, bpf.LoadAbsolute{Off: offsetArgs + 8*uint32(c.arg), Size: wordBytes})
		if c.mask != wholeWord {
			out = append(out, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: c.mask})
		}
		for i, v := range c.values {
			skip := uint8(len(c.values) - i) // past the other values and the refusal
			out = append(out, bpf.JumpIf{Cond: bpf.JumpEqual, Val: v, SkipTrue: skip})
		}
		out = append(out, bpf.RetConstant{Val: refuse(unix.EPERM)})
	}
	return append(out, bpf.RetConstant{Val: r.action})
}
