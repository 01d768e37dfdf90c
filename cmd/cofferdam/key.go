package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"cofferdam/internal/config"
	"cofferdam/internal/server"
)

func keyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "key",
		Short: "Make the operator key, and sign the sign-in key with it",
		Long: `The sign-in page seals a password to the sign-in key of this installation, so
that only one process can read it. The page trusts that key only when the
operator key signed it, and the operator key stays offline:

  offline machine   cofferdam key operator --out .
  this machine      cofferdam key show
  offline machine   cofferdam key sign --operator-key operator.key KEY > signin-key.json

Bring operator.pub and signin-key.json here and name them in the configuration
as signin.operator_key and signin.key_document. A signature lasts 90 days;
doctor warns before it ends.`,
		Args: cobra.NoArgs,
		RunE: showHelp,
	}
	c.AddCommand(keyOperatorCommand(), keyShowCommand(), keySignCommand())
	return c
}

func keyOperatorCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "operator",
		Short: "Make an operator key: operator.key to hide, operator.pub to show",
		Long: `Make an operator key. operator.key is the private half: keep it where no server
can read it. operator.pub belongs into the configuration. A key that is there
already is never overwritten.`,
		Example: `  cofferdam key operator --out /media/stick`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			private, public, err := server.NewOperatorKey()
			if err != nil {
				return err
			}
			defer clear(private)
			for _, f := range []struct {
				name string
				data []byte
				mode os.FileMode
			}{{"operator.key", private, 0o600}, {"operator.pub", public, 0o644}} {
				path := filepath.Join(dir, f.name)
				if err := writeNew(path, f.data, f.mode); err != nil {
					return err
				}
				fmt.Fprintln(cmd.OutOrStdout(), path)
			}
			return nil
		},
	}
	c.Flags().StringVar(&dir, "out", ".", "`folder` to write to")
	return c
}

// writeNew writes a file that must not be there yet.
func writeNew(path string, data []byte, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

func keyShowCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "show",
		Short: "Print the public sign-in key of this installation",
		Long: `Print the public sign-in key of this installation, for cofferdam key sign. The
key is made if there is none yet. The file that signin.key_document names need
not be there yet.`,
		Example: `  cofferdam key show`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := config.Load(file)
			if err != nil {
				return err
			}
			public, err := server.SignInPublic(l.Config)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), public)
			return err
		},
	}
	c.Flags().StringVar(&file, "config", defaultConfig, "configuration `file`")
	return c
}

func keySignCommand() *cobra.Command {
	var operator string
	c := &cobra.Command{
		Use:     "sign PUBLIC-KEY",
		Short:   "Sign a sign-in key with the operator key; prints the key document",
		Example: `  cofferdam key sign --operator-key operator.key BHGn... > signin-key.json`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			private, err := os.ReadFile(operator)
			if err != nil {
				return err
			}
			defer clear(private)
			doc, err := server.SignSignInKey(private, args[0])
			if err != nil {
				return fmt.Errorf("signing %s: %w", args[0], err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", doc)
			return err
		},
	}
	c.Flags().StringVar(&operator, "operator-key", "operator.key", "`file` with the private operator key")
	return c
}
