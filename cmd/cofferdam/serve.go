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
SIGHUP reads the configuration again. A file that is not good is named in the
log with its places, and the old configuration stays. The data folder, the
listeners, the number of cells and how long sessions live are taken at the
start only.`,
		Example: `  cofferdam serve
  cofferdam serve --config /etc/cofferdam/test.toml
  kill -HUP $(pidof -s cofferdam)`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), file) },
	}
	c.Flags().StringVar(&file, "config", defaultConfig, "configuration `file`")
	return c
}

func serve(ctx context.Context, file string) error {
	if _, err := web.Files(); err != nil {
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
