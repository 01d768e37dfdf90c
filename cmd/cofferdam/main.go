// Command cofferdam is the whole product: the server and its roles, the demo,
// and the tools of an operator. One binary is every role; serve starts it again
// with the hidden subcommand role.
//
// A subcommand has a file of its own here, reads flags and configuration, and
// makes one call into the house.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// defaultConfig is where packages put the configuration.
const defaultConfig = "/etc/cofferdam/cofferdam.toml"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends at once, if a person sent it: timeout(1) sends two in
	// the same moment.
	context.AfterFunc(ctx, func() { time.AfterFunc(time.Second, stop) })
	err := root().ExecuteContext(ctx)
	if err != nil && !errors.Is(err, errSaid) {
		fmt.Fprintf(os.Stderr, "cofferdam: %v\n", err)
	}
	if err != nil {
		os.Exit(1)
	}
}

// errSaid ends with status 1 when all has been said already.
var errSaid = errors.New("said already")

func root() *cobra.Command {
	c := &cobra.Command{
		Use:   "cofferdam",
		Short: "Webmail that is built to be broken into and lose almost nothing",
		Long: `Cofferdam is webmail for the mail platform that a provider runs already: it
stands in front of IMAP and submission servers and speaks JMAP to browsers and
to other clients.

Try it:      cofferdam demo
Run it:      cofferdam config example > /etc/cofferdam/cofferdam.toml
             cofferdam config check    what the configuration gets wrong
             cofferdam key             the two keys that sign-in needs
             cofferdam doctor          what stands in the way on this machine
             cofferdam serve`,
		RunE:          showHelp,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	c.CompletionOptions.HiddenDefaultCmd = true
	c.AddCommand(serveCommand(), demoCommand(), doctorCommand(), configCommand(), keyCommand(), versionCommand(), roleCommand(), probeCommand())
	return c
}

// showHelp is what a command does that only groups others. With Args, a word that
// is none of them is an error.
func showHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }
