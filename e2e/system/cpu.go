package system

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of times in /proc (USER_HZ, which Linux has at 100 on every
// machine that we run on).
const tick = 10 * time.Millisecond

// RoleTimes is the processor time that each kind of role has used so far.
func (s *Server) RoleTimes() (map[string]time.Duration, error) {
	out := map[string]time.Duration{}
	for name, pid := range s.Roles() {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return nil, err
		}
		f := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])) // as in treeTicks
		kind, _, _ := strings.Cut(name, "/")
		for _, t := range f[11:13] { // utime, stime
			n, err := strconv.ParseInt(t, 10, 64)
			if err != nil {
				return nil, err
			}
			out[kind] += time.Duration(n) * tick
		}
	}
	return out, nil
}
