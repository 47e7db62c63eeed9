// Package asking has the flags that every verb of the command has which asks a target, so that they
// mean the same in all of them and in cgikit-ping.
package asking

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// Flags are the values of the flags. Add sets the defaults.
type Flags struct {
	JSON, Quiet, ShowSecrets bool
	Verbose                  int           // how often -v is given
	Color                    string        // auto, always or never: see cli.NewPalette
	Timeout                  time.Duration // of the whole; 0 is no bound
}

// Add adds the flags to those of a verb. Timeout is the default of --timeout.
func (a *Flags) Add(f *pflag.FlagSet, timeout time.Duration) {
	f.BoolVar(&a.JSON, "json", false, "write the result as JSON")
	f.BoolVarP(&a.Quiet, "quiet", "q", false, "write no result, only set the exit status")
	f.CountVarP(&a.Verbose, "verbose", "v", "write details; some verbs write still more with -vv")
	f.DurationVar(&a.Timeout, "timeout", timeout, "longest `time` that the verb may take, such as 5s; 0 is no limit")
	f.StringVar(&a.Color, "color", "auto", "`when` the output has colour: always, never, or auto: on a terminal")
	f.BoolVar(&a.ShowSecrets, "show-secrets", false, "show passwords, tokens and cookies, instead of ***")
}

// Mask is the value of a field or variable as it may be shown.
func (a *Flags) Mask(name, value string) string {
	if a.ShowSecrets {
		return value
	}
	return cli.Mask(name, value)
}
