package system

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Roles are the process ids of the roles that run now, by name ("gate",
// "cell/0", "render/0.1").
func (s *Server) Roles() map[string]int {
	out := map[string]int{}
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is good
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || parentOf(dir) != s.cmd.Process.Pid {
			continue
		}
		line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil {
			continue // it has just ended
		}
		if words := bytes.Split(line, []byte{0}); len(words) > 2 && string(words[1]) == "role" {
			out[string(words[2])] = pid
		}
	}
	return out
}

// Kind are the names of the running roles of one kind, sorted.
func (s *Server) Kind(kind string) []string {
	var out []string
	for name := range s.Roles() {
		if k, _, _ := strings.Cut(name, "/"); k == kind {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Pid is the supervisor's process id.
func (s *Server) Pid() int { return s.cmd.Process.Pid }

// parentOf reads the fourth field of /proc/PID/stat; the second may hold spaces.
func parentOf(dir string) int {
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 2 {
		return 0
	}
	ppid, _ := strconv.Atoi(fields[1]) // a number, or the process is not ours
	return ppid
}

// Kill ends a role as a crash would, with SIGKILL, and waits until another
// process has its name.
func (s *Server) Kill(name string, within time.Duration) error {
	pid, ok := s.Roles()[name]
	if !ok {
		return fmt.Errorf("role %s does not run", name)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("killing %s: %w", name, err)
	}
	deadline := time.Now().Add(within)
	for {
		if now, ok := s.Roles()[name]; ok && now != pid {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("role %s is not back after %v", name, within)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
