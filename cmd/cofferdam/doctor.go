package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"cofferdam/internal/doctor"
	"cofferdam/internal/server"
)

func doctorCommand() *cobra.Command {
	var (
		file   string
		asJSON bool
	)
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Say what stands in the way of a good installation",
		Long: `Check the configuration, the folders, the keys, the clock, the ports, the
sandbox that this machine grants to each role, the mail platform and the web
certificate. Each check says what it found and, unless all is well, why it
matters and what to do. Nothing is changed, and nobody is signed in.

Run it as the user that runs serve. The exit status is 1 when a check fails.`,
		Example: `  cofferdam doctor
  cofferdam doctor --config test.toml
  cofferdam doctor --json | jq '.[] | select(.result != "ok")'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list := doctor.Run(cmd.Context(), doctor.Options{File: file, Probe: []string{"probe"}, SignInPublic: server.SignInPublic})
			out := cmd.OutOrStdout()
			var err error
			if asJSON {
				e := json.NewEncoder(out)
				e.SetIndent("", "  ")
				e.SetEscapeHTML(false)
				err = e.Encode(list)
			} else {
				err = doctor.Print(out, list)
			}
			if err == nil && doctor.Worst(list) == doctor.Fail {
				return errSaid
			}
			return err
		},
	}
	c.Flags().StringVar(&file, "config", defaultConfig, "configuration `file`")
	c.Flags().BoolVar(&asJSON, "json", false, "print the findings as JSON")
	return c
}
