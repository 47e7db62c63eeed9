package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion(p *process) *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Long: `version prints the version of this program, of Go, and the system that it was built for. The version
is that of the module: go install records it, and in a checkout it is made of the commit.`,
		Example: `  cgikit version
  cgikit version --json`,
		Args: takes(0, "no argument"),
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return json.NewEncoder(p.stdout).Encode(readBuild())
			}
			_, err := fmt.Fprintln(p.stdout, "cgikit", version())
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write the result as JSON")
	return c
}

// build is what the go command recorded of how this program was built.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"` // of git
	Modified bool   `json:"modified,omitempty"` // the checkout had changes that are not in the revision
	Go       string `json:"go"`
	System   string `json:"system"` // such as "linux/amd64"
}

func readBuild() build {
	b := build{Version: "unknown", Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Version = info.Main.Version
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.Revision = setting.Value
		case "vcs.modified":
			b.Modified = setting.Value == "true"
		}
	}
	return b
}

// version is the build in one line.
func version() string {
	b := readBuild()
	return b.Version + " " + b.Go + " " + b.System
}
