package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"cofferdam/internal/sandbox"
	"cofferdam/internal/server"
	"cofferdam/web"
)

// roleCommand is how the supervisor starts this binary as one role.
func roleCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "role NAME",
		Short:  "Be one role (started by serve alone)",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			assets, err := web.Files()
			if err != nil && !errors.Is(err, web.ErrNotBuilt) {
				return err
			}
			return server.RunRole(args[0], assets) // serve refused to start without assets
		},
	}
}

// probeCommand is doctor's child: it enters a sandbox and says which layers hold.
func probeCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "probe",
		Short:  "Try a role's sandbox (started by doctor alone)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(*cobra.Command, []string) error { return sandbox.ProbeMain(os.Stdout) },
	}
}
