package main

import (
	"github.com/spf13/cobra"

	"cofferdam/internal/config"
)

func configCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Check a configuration, or print a complete one",
		Args:  cobra.NoArgs,
		RunE:  showHelp,
	}
	c.AddCommand(configCheckCommand(), configExampleCommand())
	return c
}

func configCheckCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Load a configuration as serve would, and say what is not the default",
		Long: `Load a configuration with its drop-in files as serve would. Every fault is
named with line and column where it has a place. If there is none, list the
drop-in files, each setting that is not the default, and each unsafe setting
with the reason given for it.`,
		Example: `  cofferdam config check
  cofferdam config check new.toml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				file = args[0]
			}
			l, err := config.Load(file)
			if err != nil {
				return err
			}
			return l.Report(cmd.OutOrStdout())
		},
	}
	c.Flags().StringVar(&file, "config", defaultConfig, "configuration `file`")
	return c
}

func configExampleCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "example",
		Short:   "Print a complete configuration with a comment on each setting",
		Example: `  cofferdam config example > /etc/cofferdam/cofferdam.toml`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return config.Example(cmd.OutOrStdout()) },
	}
}
