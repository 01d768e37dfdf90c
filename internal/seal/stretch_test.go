package seal

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// fast are the cheapest parameters that are allowed.
func fast() StretchParams { return StretchParams{Memory: MinMemory, Time: MinTime, Threads: 1} }

func TestStretchParamsAreBounded(t *testing.T) {
	for _, p := range []StretchParams{
		{}, {MinMemory - 1, 3, 1}, {MaxMemory + 1, 3, 1}, {64 << 10, MinTime - 1, 1}, {64 << 10, MaxTime + 1, 1}, {64 << 10, 3, 0}, {64 << 10, 3, MaxThreads + 1},
	} {
		wantErr(t, fmt.Sprint(p), p.Validate(), ErrLimit)
		_, err := NewStretcher(1).Stretch(t.Context(), NewSecret([]byte("x")), make([]byte, SaltSize), p)
		wantErr(t, fmt.Sprint("stretching with ", p), err, ErrLimit)
	}
	must(t, DefaultStretch().Validate())
}

func TestStretchRefuses(t *testing.T) {
	s := NewStretcher(0) // still one at a time
	for name, c := range map[string]struct{ salt, password int }{"short salt": {15, 8}, "no password": {16, 0}, "long password": {16, MaxSecret + 1}} {
		_, err := s.Stretch(t.Context(), NewSecret(make([]byte, c.password)), make([]byte, c.salt), fast())
		wantErr(t, name, err, ErrLimit)
	}
	a, err := s.Stretch(t.Context(), NewSecret([]byte("x")), make([]byte, SaltSize), fast())
	must(t, err)
	b, err := s.Stretch(t.Context(), NewSecret([]byte("x")), seq(1, SaltSize), fast())
	must(t, err)
	if Equal(a, b) {
		t.Error("the salt does not matter")
	}
}

// The gate lets so many in, so many wait, and sends the rest away at once.
func TestStretchGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStretcher(1)
		s.slots <- struct{}{} // somebody is inside and stays
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range MaxStretchWaiting {
			wg.Go(func() {
				_, err := s.Stretch(ctx, NewSecret([]byte("x")), make([]byte, SaltSize), fast())
				wantErr(t, "waiting", err, context.Canceled)
			})
		}
		synctest.Wait()
		_, err := s.Stretch(ctx, NewSecret([]byte("x")), make([]byte, SaltSize), fast())
		wantErr(t, "one too many", err, ErrBusy)
		cancel()
		wg.Wait()
		<-s.slots
		if n := s.waiting.Load(); n != 0 {
			t.Errorf("%d still counted as waiting", n)
		}
	})
}

// After Stretch no copy of the password is left in memory. The control shows
// that the scan finds what is there.
func TestStretchLeavesNoPassword(t *testing.T) {
	const n = 8
	mask := make([]byte, 24)
	rand.Read(mask)
	passwords, masked := make([]Secret, n), make([][]byte, n)
	for i := range n {
		b := make([]byte, len(mask))
		rand.Read(b)
		masked[i] = xor(b, mask)
		passwords[i] = NewSecret(b)
	}
	if found := scanMemory(t, masked, mask); found != n {
		t.Fatalf("control: %d of %d passwords found while they live", found, n)
	}
	s := NewStretcher(1)
	for _, p := range passwords {
		_, err := s.Stretch(t.Context(), p, make([]byte, SaltSize), fast())
		must(t, err)
		p.Wipe()
	}
	if found := scanMemory(t, masked, mask); found != 0 {
		t.Errorf("%d of %d passwords are still in memory", found, n)
	}
}

func xor(b, mask []byte) []byte {
	out := make([]byte, len(b))
	for i := range b {
		out[i] = b[i] ^ mask[i]
	}
	return out
}

// scanMemory counts which of the masked needles this process has in writable
// memory. Nothing unmasked is made on the way: each window is masked to compare.
func scanMemory(t *testing.T, masked [][]byte, mask []byte) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("memory is scanned through /proc")
	}
	maps, err := os.ReadFile("/proc/self/maps")
	must(t, err)
	mem, err := os.Open("/proc/self/mem")
	if err != nil {
		t.Skipf("this kernel does not let a process read its own memory: %v", err)
	}
	defer mem.Close()
	found := map[int]bool{}
	buf := make([]byte, 1<<20)
	for sc := bufio.NewScanner(bytes.NewReader(maps)); sc.Scan(); {
		var lo, hi int64
		fields := strings.Fields(sc.Text())
		if !strings.HasPrefix(fields[1], "rw") {
			continue
		}
		if _, err := fmt.Sscanf(fields[0], "%x-%x", &lo, &hi); err != nil {
			t.Fatal(err)
		}
		for at := lo; at < hi; at += int64(len(buf) - len(mask)) {
			k, _ := mem.ReadAt(buf[:min(int64(len(buf)), hi-at)], at)
			match(buf[:max(k, 0)], masked, mask, found)
			clear(buf)
		}
	}
	count := 0
	for _, is := range found {
		if is {
			count++
		}
	}
	return count
}

func match(window []byte, masked [][]byte, mask []byte, found map[int]bool) {
	for n, m := range masked {
		first := m[0] ^ mask[0]
		for rest := window; len(rest) >= len(mask) && !found[n]; {
			i := bytes.IndexByte(rest, first)
			if i < 0 || i+len(mask) > len(rest) {
				break
			}
			j := 1
			for j < len(mask) && rest[i+j]^mask[j] == m[j] {
				j++
			}
			found[n] = found[n] || j == len(mask)
			rest = rest[i+1:]
		}
	}
}

func BenchmarkStretch(b *testing.B) {
	s, p := NewStretcher(1), DefaultStretch()
	for b.Loop() {
		if _, err := s.Stretch(b.Context(), NewSecret([]byte("x")), make([]byte, SaltSize), p); err != nil {
			b.Fatal(err)
		}
	}
}
