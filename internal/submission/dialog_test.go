package submission

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// dialog is one file of testdata/dialogs: what to send, the conversation, and
// what the caller must be told.
type dialog struct {
	body, from, want string
	rcpt, options    []string
	steps            []string
}

func readDialog(t *testing.T, name string) dialog {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	d := dialog{from: "a@x.test", rcpt: []string{"b@x.test"}}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSuffix(line, "\n")
		key, val, _ := strings.Cut(line, ":")
		val = strings.TrimPrefix(val, " ")
		switch key {
		case "body":
			if d.body, err = strconv.Unquote(val); err != nil {
				t.Fatalf("%s: body: %v", name, err)
			}
		case "from":
			d.from = val
		case "rcpt":
			d.rcpt = strings.Fields(val)
		case "option":
			d.options = strings.Fields(val)
		case "want":
			d.want = val
		case "S", "C", "X":
			d.steps = append(d.steps, key+val)
		default:
			if !strings.HasPrefix(line, "#") {
				t.Fatalf("%s: bad line %q", name, line)
			}
		}
	}
	return d
}

// play is the server's side of the dialog.
func (d dialog) play(nc net.Conn) error {
	defer nc.Close()
	br := bufio.NewReader(nc)
	for _, s := range d.steps {
		switch s[0] {
		case 'S':
			if _, err := io.WriteString(nc, strings.ReplaceAll(s[1:], `\r\n`, "\r\n")+"\r\n"); err != nil {
				return err
			}
		case 'C':
			got, err := br.ReadString('\n')
			if err != nil {
				return fmt.Errorf("waiting for %q: %w", s[1:], err)
			}
			if got != s[1:]+"\r\n" {
				return fmt.Errorf("got %q, want %q", got, s[1:])
			}
		case 'X':
			if s == "Xclose" {
				return nil
			}
		}
	}
	return leave(nc, br)
}

// leave expects nothing but a goodbye.
func leave(nc net.Conn, br *bufio.Reader) error {
	switch line, err := br.ReadString('\n'); {
	case line == "" && err != nil:
		return nil
	case line == "QUIT\r\n":
		_, err = io.WriteString(nc, "221 bye\r\n")
		return err
	default:
		return fmt.Errorf("client went on with %q", line)
	}
}

// setup returns the caller's side of the dialog.
func (d dialog) setup(t *testing.T) (Config, Envelope, io.Reader) {
	t.Helper()
	cfg := Config{Security: Plain, HelloName: "client.test", CommandTimeout: 10 * time.Second}
	env := Envelope{RcptTo: addresses(t, d.rcpt...)}
	if d.from != "" {
		env.MailFrom = addresses(t, d.from)[0]
	}
	var body io.Reader = strings.NewReader(d.body)
	for _, o := range d.options {
		key, val, _ := strings.Cut(o, "=")
		switch key {
		case "all-or-nothing":
			env.AllOrNothing = true
		case "size":
			n, err := strconv.ParseInt(val, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			env.Size = n
		case "dsn":
			env.DSN = DSN{Notify: []Notify{NotifySuccess | NotifyFailure, NotifyNever}, Return: ReturnHeaders, EnvID: "id+1"}
		case "hold":
			n, err := time.ParseDuration(val)
			if err != nil {
				t.Fatal(err)
			}
			env.Release = time.Now().Add(n)
		case "8bit":
			env.EightBit = true
		case "client":
			cfg.Client = netip.MustParseAddrPort(val)
		case "body-error":
			body = io.MultiReader(strings.NewReader("half a l"), failingReader{})
		case "starttls":
			cfg.Security = StartTLS
		default:
			t.Fatalf("unknown option %q", o)
		}
	}
	return cfg, env, body
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("disk gone") }

func addresses(t *testing.T, s ...string) []Address {
	t.Helper()
	var out []Address
	for _, one := range s {
		a, err := ParseAddress(one)
		if err != nil {
			t.Fatalf("ParseAddress(%q): %v", one, err)
		}
		out = append(out, a)
	}
	return out
}

func TestDialogs(t *testing.T) {
	files, err := filepath.Glob("testdata/dialogs/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogs: %v", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) {
			t.Parallel()
			runDialog(t, readDialog(t, f))
		})
	}
}

func runDialog(t *testing.T, d dialog) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	served := make(chan error, 1)
	go func() {
		nc, err := ln.Accept()
		if err != nil {
			served <- err
			return
		}
		served <- d.play(nc)
	}()
	cfg, env, body := d.setup(t)
	cfg.Addr = ln.Addr().String()
	got := outcome(cfg, env, body)
	if err := <-served; err != nil && !strings.Contains(d.option(), "body-error") {
		t.Errorf("server's side: %v", err)
	}
	if got != d.want {
		t.Errorf("caller was told %q, want %q", got, d.want)
	}
}

func (d dialog) option() string { return strings.Join(d.options, " ") }

// outcome sends and writes down what the caller was told.
func outcome(cfg Config, env Envelope, body io.Reader) string {
	c, err := Dial(context.Background(), cfg)
	if err != nil {
		return describe(err, false)
	}
	defer c.Close()
	res, err := c.Send(context.Background(), env, body)
	if err != nil {
		return describe(err, c.Usable())
	}
	return strings.TrimSpace("ok " + res.Final.Status.String())
}

func describe(err error, usable bool) string {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return "not an *Error: " + err.Error()
	}
	s := fmt.Sprintf("%s %s %d", e.Outcome, e.Stage, e.Reply.Code)
	if e.Temporary {
		s += " temporary"
	} else {
		s += " permanent"
	}
	if usable {
		s += " usable"
	}
	return s
}
