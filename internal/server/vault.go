package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"cofferdam/internal/ipc"
	"cofferdam/internal/vault"
)

// vaultSettings is what vault is told.
type vaultSettings struct {
	Dir string `json:"dir"`
}

// runVault is the role vault: it answers keeper until it is told to drain.
func runVault(ctx context.Context, role *ipc.Role, log *slog.Logger, reg prometheus.Registerer) error {
	var cfg vaultSettings
	if err := ipc.Decode(role.Config, &cfg); err != nil {
		return fmt.Errorf("configuration of vault: %w", err)
	}
	line := role.Line("keeper")
	if line == nil {
		return errors.New("vault was given no line to keeper")
	}
	v, err := vault.Open(ctx, vault.Config{Dir: cfg.Dir}, log)
	if err != nil {
		return err
	}
	defer v.Close()
	reg.MustRegister(v.Collectors()...)
	serve, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- v.Run(serve, line) }()
	if err := role.Ready(ctx); err != nil {
		stop()
		return errors.Join(err, <-done)
	}
	err = role.Run(ctx)
	stop()
	<-done
	return err
}
