package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/spf13/cobra"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/cmd/cgikit/internal/tour"
	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway/demo"
	"github.com/cgikit/cgikit/gateway/listen"
)

const (
	demoAddress = "http://127.0.0.1:8000"
	freeAddress = "http://127.0.0.1:0"

	// demoDrain bounds the wait for current requests at the end. Browsers open connections without
	// a request, and net/http closes them only after 5 seconds.
	demoDrain = 10 * time.Second
)

func newDemo(p *process) *cobra.Command {
	var address string
	c := &cobra.Command{
		Use:   "demo [--listen ADDRESS]",
		Short: "Show one application in four deployments, in the browser",
		Long: `demo starts one application over FastCGI, SCGI and plain HTTP, and as a CGI program for each
request, and serves a page that compares the four answers. It needs no web server. demo prints the
address of the page; open it in a browser. Ctrl-C stops demo.

The default address is ` + demoAddress + `/, or a free port if that one is in use.
Only this machine can connect to these.`,
		Example: `  cgikit demo
  cgikit demo --listen 127.0.0.1:8123`,
		Args: takes(0, "no argument"),
		RunE: func(c *cobra.Command, _ []string) error { return runDemo(c.Context(), p, address) },
	}
	c.Flags().StringVarP(&address, "listen", "l", "", "`address` of the page, such as 127.0.0.1:8123 (default 127.0.0.1:8000, or a free port)")
	return c
}

// runDemo serves the page until a signal arrives. It catches signals before it opens sockets and
// files, so that it can remove them at the end.
func runDemo(ctx context.Context, p *process, address string) error {
	surviveClosedPipes()
	ctx, release := signal.NotifyContext(ctx, stopSignals()...)
	defer release()
	log := newLog(p.stderr)
	l, err := listenForDemo(address, log)
	if err != nil {
		return err
	}
	t, err := startTour(p, log)
	if err != nil {
		l.Close()
		return err
	}
	s := &http.Server{
		Handler:           t,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ReadHeaderTimeout: 10 * time.Second,
	}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	fmt.Fprintf(p.stdout, "http://%s/\n", l.Addr())
	log.Info("open this address in a browser; Ctrl-C stops the demo")
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	return errors.Join(err, shutdownDemo(s, t, log))
}

// listenForDemo listens on the address of --listen. Without one, it uses the default address, or a
// free port if that is in use.
func listenForDemo(address string, log *slog.Logger) (net.Listener, error) {
	if address == "" {
		l, err := listen.ListenFor("http", demoAddress)
		if err == nil {
			return l, nil
		}
		log.Info("the default address is not available, using a free port", "error", err)
		address = freeAddress
	}
	a, err := listen.ParseFor("http", address)
	if err == nil && (a.Network != "tcp" || a.Proxy) {
		err = &listen.AddressError{Input: address, Reason: "is not an address that a browser can open"}
	}
	if err != nil {
		return nil, cli.Usage(err, "such as --listen 127.0.0.1:8123")
	}
	return listen.Listen(a)
}

func startTour(p *process, log *slog.Logger) (*tour.Tour, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot find the file of this program, which is also the CGI script: %w", err)
	}
	script := &cgi.Script{Path: program, Env: []string{childVariable + "=" + childCGI}}
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		if dir := p.getenv(name); dir != "" {
			script.Env = append(script.Env, name+"="+dir)
		}
	}
	t, err := tour.Start(tour.Config{App: demo.App(), CGI: script, Log: log})
	if err != nil {
		return nil, cli.Failure(err, "its sockets lie in the folder for temporary files, which must exist and have a short path: "+os.TempDir())
	}
	return t, nil
}

// shutdownDemo stops the web server, and then the applications. A second signal aborts the wait for
// both. Signals are caught before the log offers that.
func shutdownDemo(s *http.Server, t *tour.Tour, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(context.Background(), demoDrain)
	defer cancel()
	ctx, release := signal.NotifyContext(ctx, stopSignals()...)
	defer release()
	log.Info("ending, requests under way may finish; a second Ctrl-C aborts them")
	err := s.Shutdown(ctx)
	if err != nil {
		s.Close()
		err = fmt.Errorf("requests were aborted: %w", err)
	}
	return errors.Join(err, t.Shutdown(ctx))
}
