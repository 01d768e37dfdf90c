package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"

	"cofferdam/internal/config"
	"cofferdam/internal/demo"
	"cofferdam/internal/server"
)

const demoListen = "localhost:8080"

type demoFlags struct {
	listen, data string
	asJSON       bool
	any          bool // listen is only a wish: another port will do
}

func demoCommand() *cobra.Command {
	var f demoFlags
	c := &cobra.Command{
		Use:   "demo",
		Short: "Try the webmail on this machine, with a mail server and mail inside",
		Long: `Start the webmail together with a small mail server inside of this program: two
people who can write to each other, and sample mail in many languages. It needs
no other server and no configuration, and no mail leaves this machine.

Everything lies in a temporary folder that is removed at the end (Ctrl-C), or in
the folder that --data names.`,
		Example: `  cofferdam demo
  cofferdam demo --data ~/cofferdam-demo
  cofferdam demo --listen 127.0.0.1:0 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.any = !cmd.Flags().Changed("listen")
			return runDemo(cmd.Context(), f, cmd.OutOrStdout())
		},
	}
	c.Flags().StringVar(&f.listen, "listen", demoListen, "`address` to listen on; port 0 is any free one. The default takes a free port when 8080 is in use")
	c.Flags().StringVar(&f.data, "data", "", "`folder` that keeps everything; else a temporary one")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print address and logins as one line of JSON")
	return c
}

// demoUser is a login that the demo prints.
type demoUser struct {
	Address  string `json:"address"`
	Password string `json:"password"`
}

func runDemo(ctx context.Context, f demoFlags, out io.Writer) (err error) {
	if err := complete(); err != nil {
		return err
	}
	folder, remove, err := demoFolder(f.data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	platform, err := demo.Start(ctx, demo.Options{Dir: filepath.Join(folder, "mail"), Log: log})
	if err != nil {
		return fmt.Errorf("starting the demo's mail server: %w", err)
	}
	defer func() { err = errors.Join(err, platform.Close()) }()
	cfg, err := demoConfig(f, folder, platform)
	if err != nil {
		return err
	}
	var printed error
	ready := func([]net.Addr) { printed = printDemo(out, f, cfg.Web.Origin, platform.Users) }
	err = server.Run(ctx, cfg, server.Options{Log: log, Ready: ready})
	return errors.Join(err, printed)
}

// demoFolder is where the demo keeps its state, and how that is removed.
func demoFolder(wanted string) (folder string, remove func() error, err error) {
	if wanted != "" {
		folder, err = filepath.Abs(wanted)
		if err == nil {
			err = os.MkdirAll(folder, 0o711)
		}
		return folder, func() error { return nil }, err
	}
	folder, err = os.MkdirTemp("", "cofferdam-demo-")
	if err != nil {
		return "", nil, err
	}
	// Roles that run under user ids of their own must get through to their folders.
	return folder, func() error { return os.RemoveAll(folder) }, os.Chmod(folder, 0o711)
}

// demoConfig is the configuration of a provider with one small mail server on
// this machine. What it takes away is named under [unsafe], as anybody's is.
func demoConfig(f demoFlags, folder string, p *demo.Platform) (config.Config, error) {
	listen, port, err := choosePort(f.listen, f.any)
	if err != nil {
		return config.Config{}, err
	}
	service := func(address string) config.Server {
		return config.Server{Address: address, TLS: "none", Auth: "plain", Login: "address"}
	}
	c := config.Default()
	c.Data = filepath.Join(folder, "data")
	c.Web.Name = "Cofferdam demo"
	c.Web.Origin = "http://localhost:" + strconv.Itoa(port)
	c.Web.Listen = []string{listen}
	c.Web.TLS = "off"
	c.Web.HTTPBasic = true
	c.Admin.Listen = ""
	c.Cells.Cells = 1
	c.Platform = []config.Platform{{
		Name: "demo", Domains: []string{demo.Domain}, Default: true, MaxPipes: 100, Recipients: 500,
		IMAP: service(p.IMAP), Submission: service(p.SMTP),
	}}
	c.Unsafe = map[string]string{config.UnsafeOnlineKey: "the demo has no operator and no mail of anybody"}
	if host, _, err := net.SplitHostPort(listen); err == nil && host != "localhost" && !net.ParseIP(host).IsLoopback() {
		c.Unsafe[config.UnsafePlainWeb] = "--listen names an address that others can reach"
	}
	if faults := c.Validate(); len(faults) > 0 {
		return c, faults
	}
	return c, nil
}

// choosePort finds the port before anything starts, for the address that
// browsers use is part of the configuration.
func choosePort(listen string, anyPort bool) (address string, port int, err error) {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, fmt.Errorf("--listen: %w", err)
	}
	l, err := net.Listen("tcp", listen)
	if errors.Is(err, syscall.EADDRINUSE) && anyPort {
		l, err = net.Listen("tcp", net.JoinHostPort(host, "0"))
	}
	if err != nil {
		return "", 0, fmt.Errorf("--listen: %w", err)
	}
	defer l.Close()
	port = l.Addr().(*net.TCPAddr).Port
	return net.JoinHostPort(host, strconv.Itoa(port)), port, nil
}

func printDemo(out io.Writer, f demoFlags, url string, people []demo.User) error {
	if f.asJSON {
		users := make([]demoUser, len(people))
		for i, p := range people {
			users[i] = demoUser{p.Address, p.Password}
		}
		return json.NewEncoder(out).Encode(map[string]any{"url": url, "users": users})
	}
	if _, err := fmt.Fprintf(out, "\n  Cofferdam demo:  %s\n\n", url); err != nil {
		return err
	}
	for _, p := range people {
		if _, err := fmt.Fprintf(out, "  %-28s %s\n", p.Address, p.Password); err != nil {
			return err
		}
	}
	end := "Everything is removed at the end (Ctrl-C)."
	if f.data != "" {
		end = "Everything is kept in " + f.data + ". Ctrl-C ends the demo."
	}
	_, err := fmt.Fprintf(out, "\n  No mail leaves this machine. %s\n\n", end)
	return err
}
