package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cgikit/cgikit/gateway/launch"
	"github.com/cgikit/cgikit/gateway/listen"
	"github.com/cgikit/cgikit/gateway/validate"
)

const listenHint = "such as -l http://127.0.0.1:8080, -l fastcgi+unix:/run/app.sock, -l scgi://127.0.0.1:4000 or -l auto://127.0.0.1:9000"

func newServe(p *process) *cobra.Command {
	config := launch.Config{Log: newLog(p.stderr, "why")} // why launch chose so is in the command line
	validated, engine := false, ""
	c := &cobra.Command{
		Use:        "serve -l LISTEN [-l LISTEN ...] TARGET",
		Short:      "Serve a target over HTTP, FastCGI or SCGI",
		SuggestFor: []string{"server", "run", "start", "listen"},
		Long: `serve answers the requests that come in at each LISTEN with TARGET, until SIGTERM or Ctrl-C. Requests
under way may then finish; a second signal ends at once.

LISTEN is one of
  http://127.0.0.1:8080      HTTP over TCP; fastcgi and scgi in the place of http are the other protocols
  fastcgi+unix:/run/app.sock over a unix socket; ?mode=0660&owner=NAME&group=NAME may follow
  scgi+fd:0                  on an inherited socket, as spawn-fcgi has it
  http+systemd:NAME          on a socket that systemd opened
  auto://127.0.0.1:9000      all three protocols on one listener

TARGET is one of
  demo:                      the application of "cgikit demo"
  files:DIR                  the files of a folder, but for hidden ones; a link out of it leads nowhere`,
		Example: `  cgikit serve -l http://127.0.0.1:8080 files:.
  cgikit serve -l fastcgi+unix:/run/demo.sock -l scgi://127.0.0.1:4000 demo:`,
		Args: takes(1, "one TARGET"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := chooseEngine(&config, engine); err != nil {
				return err
			}
			return serve(c.Context(), config, args[0], validated)
		},
	}
	c.Flags().StringArrayVarP(&config.Listen, "listen", "l", nil, "`address` to listen on; may be given several times")
	c.Flags().StringVar(&config.Mount, "mount", "", "`path` of the target, where the web server sends no SCRIPT_NAME and PATH_INFO")
	c.Flags().StringVar(&engine, "fastcgi-engine", "cgikit", "`engine` of FastCGI listeners: cgikit, or nethttp for Go's net/http/fcgi")
	c.Flags().BoolVar(&validated, "validate", false, "check every request and response, and fail those that break a rule")
	return c
}

func chooseEngine(config *launch.Config, name string) error {
	switch name {
	case "cgikit":
	case "nethttp":
		config.StdFastCGI = true
	default:
		return usage(fmt.Errorf("there is no FastCGI engine %q", name), "--fastcgi-engine is cgikit or nethttp")
	}
	return nil
}

// serve looks at all that was asked for before it listens anywhere.
func serve(ctx context.Context, config launch.Config, name string, validated bool) error {
	if err := checkListen(config.Listen); err != nil {
		return usage(err, listenHint)
	}
	target, err := openTarget(name)
	if err != nil {
		return err
	}
	defer target.close()
	if choice := launch.Detect(launch.Look(config.Listen...)); choice.Mode != launch.Address {
		return failure(errors.New("what was asked for and how the process was started do not fit: "+choice.Why),
			"name an inherited socket by -l fastcgi+fd:0 or -l http+systemd:0, and keep REQUEST_METHOD out of the environment")
	}
	config.App = target.app
	if validated {
		config.App = validate.New(target.app, &validate.Options{Log: config.Log})
	}
	return plain(config.Run(ctx))
}

func checkListen(addresses []string) error {
	if len(addresses) == 0 {
		return errors.New("serve has no address to listen on")
	}
	for _, s := range addresses {
		a, err := listen.Parse(s)
		switch {
		case err != nil:
			return err
		case a.Network == "":
			return &listen.AddressError{Input: s, Reason: "is a target, and nothing to listen on"}
		case a.Protocol == "":
			return &listen.AddressError{Input: s, Reason: "does not say which protocol is spoken there"}
		}
	}
	return nil
}

// plain takes off an error to listen what launch says beside it to programs that have no command line.
func plain(err error) error {
	if inner := errors.Unwrap(err); inner != nil && strings.HasPrefix(inner.Error(), "listen: ") {
		return inner
	}
	return err
}
