package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"cofferdam/internal/config"
	"cofferdam/internal/doctor"
	"cofferdam/internal/server"
	"cofferdam/web"
)

func serveCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the webmail",
		Long: `Start all roles, each as a process in a sandbox of its own, and keep them
running.

SIGTERM or SIGINT drains: requests that run are finished, then all roles end.
SIGHUP (systemctl reload) reads the configuration again, and signs nobody out. A
file that is not good is named in the log with line and column, and the old
configuration stays. The data folder, the listeners, the number of cells and
how long sessions live are taken at the start only.`,
		Example: `  cofferdam serve
  cofferdam serve --config /etc/cofferdam/test.toml
  systemctl reload cofferdam`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), file) },
	}
	c.Flags().StringVar(&file, "config", defaultConfig, "configuration `file`")
	return c
}

// complete says whether this program can do its work as it was built.
func complete() error {
	if doctor.BuiltWithCgo() {
		return errCgo
	}
	_, err := web.Files()
	return err
}

var errCgo = errors.New("this program was built with cgo, and its roles cannot be closed in: build it with make build, or with CGO_ENABLED=0 in the environment")

func serve(ctx context.Context, file string) error {
	if err := complete(); err != nil {
		return err
	}
	cfg, err := config.Load(file)
	if err != nil {
		return err
	}
	log := server.NewLog(cfg.Log, os.Stderr)
	return server.Run(ctx, cfg.Config, server.Options{Log: log, Reload: reloads(ctx, file, log)})
}

// reloads reads the configuration again at each SIGHUP and passes on what is
// good.
func reloads(ctx context.Context, file string, log *slog.Logger) <-chan config.Config {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	out := make(chan config.Config)
	go func() {
		defer signal.Stop(hup)
		for {
			select {
			case <-ctx.Done():
				return
			case <-hup:
			}
			cfg, err := config.Load(file)
			if err != nil {
				logFaults(log, err)
				continue
			}
			select {
			case out <- cfg.Config:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// logFaults logs each fault with its place, one record each.
func logFaults(log *slog.Logger, err error) {
	const text = "new configuration refused, the old one stays"
	var faults config.Error
	if !errors.As(err, &faults) {
		log.Error(text, "err", err)
		return
	}
	for _, f := range faults {
		log.Error(text, "file", f.File, "line", f.Line, "column", f.Column, "err", f.Text)
	}
}
