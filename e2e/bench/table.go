package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Samples are the times of one action.
type Samples []time.Duration

// at is the q-th quantile.
func (s Samples) at(q float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// ms writes milliseconds with what of them can be told apart.
func ms(d time.Duration) string {
	f := float64(d.Microseconds()) / 1000
	if f >= 100 {
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprintf("%.2f", f)
}

// row is one line: an action, ours and the floor's.
type row struct {
	what        string
	ours, floor Samples
}

func (r row) String() string {
	return fmt.Sprintf("| %s | %d | %s | %s | %s | %s | %s |\n", r.what, len(r.ours),
		ms(r.ours.at(.5)), ms(r.ours.at(.95)), ms(r.floor.at(.5)), ms(r.floor.at(.95)), ms(r.ours.at(.5)-r.floor.at(.5)))
}

// report is a Markdown document.
type report struct{ strings.Builder }

func (r *report) printf(format string, args ...any) { fmt.Fprintf(&r.Builder, format, args...) }

// head says when, what and on which kind of machine.
func (r *report) head(root string) {
	r.printf("# Times beside those of the bare IMAP server\n\n")
	r.printf("Written by `make bench` on %s, commit %s, on %s, with Dovecot on the same machine.\n", time.Now().UTC().Format("2006-01-02"), commit(root), machine())
	r.printf("Each line is measured by turns: our answer to a browser (TLS, HTTP/2, gate, cell, porter, Dovecot), then the floor: a bare IMAP\nconnection with TLS that fetches the same data with as few exchanges as can be. Milliseconds; the difference is that of the medians.\n\n")
}

func commit(root string) string {
	out, err := exec.Command("git", "-C", root, "rev-parse", "--short=10", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// machine is the kind of machine: processors, memory, system.
func machine() string {
	model, memory := runtime.GOARCH, ""
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		var kb int
		if _, err := fmt.Sscanf(string(text), "MemTotal: %d kB", &kb); err == nil {
			memory = fmt.Sprintf(", %d GiB", (kb+1<<19)>>20)
		}
	}
	return fmt.Sprintf("%d x %s%s, %s", runtime.NumCPU(), model, memory, runtime.GOOS)
}

func (r *report) table(title string, rows []row) {
	r.printf("## %s\n\n| action | n | ours p50 | p95 | floor p50 | p95 | difference |\n|---|--:|--:|--:|--:|--:|--:|\n", title)
	for _, one := range rows {
		r.WriteString(one.String())
	}
	r.printf("\n")
}

// write puts the document where COFFERDAM_BENCH_OUT says, from root.
func (r *report) write(root string) error {
	name := os.Getenv("COFFERDAM_BENCH_OUT")
	if name == "" {
		return nil
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(root, name)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(r.String()), 0o644)
}

// headThroughput begins the table of many people at once.
func (r *report) headThroughput(root string, mails int) {
	r.printf("# Many people at once\n\nWritten by `make bench` on %s, commit %s, on %s. People, the mail server and we share the processors.\n", time.Now().UTC().Format("2006-01-02"), commit(root), machine())
	r.printf("Each person has %d mails and asks again as soon as the answer is there. The floor is as many bare IMAP connections doing the same for as long.\nA list is the newest 50 conversations as our client asks for them; processor time is that of all our roles, and of gate / cell / render / keeper / porter.\n\n", mails)
	r.printf("| action | people | a second | p50 ms | p99 ms | our ms of processor | by role | floor a second |\n|---|--:|--:|--:|--:|--:|---|--:|\n")
}

// append adds the document to what is where COFFERDAM_BENCH_OUT says.
func (r *report) append(root string) error {
	name := os.Getenv("COFFERDAM_BENCH_OUT")
	if name == "" {
		return nil
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(root, name)
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString("\n" + r.String())
	if other := f.Close(); err == nil {
		err = other
	}
	return err
}
