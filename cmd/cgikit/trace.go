package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cgikit/cgikit/cmd/cgikit/internal/trace"
	"github.com/cgikit/cgikit/cmd/internal/cli"
	targets "github.com/cgikit/cgikit/cmd/internal/target"
	"github.com/cgikit/cgikit/gateway/listen"
)

const traceHelp = `trace stands between a web server and an application over FastCGI or SCGI. It passes all bytes on
unchanged, and writes a line for each record. There are two ways to start it:

  cgikit trace LISTEN TARGET          the web server's configuration must be changed, to connect to
                                      LISTEN; trace connects to TARGET, the application
  cgikit trace --in-place SOCKET      takes the place of the application's unix socket; no
                                      configuration changes

With --in-place, trace renames the application's socket to SOCKET.trace, and listens on a new socket
with the old name, mode and owner. At its end, also after a signal, it gives the name back. At the
start it prints the command that does this by hand, in case trace itself is killed. A SOCKET that is
only a path speaks FastCGI; write scgi+unix:PATH for SCGI.

A line has the time in seconds since the start, the number of the connection, the direction (> to
the application, < to the web server), the kind of the record, and its content in short. With
--lint, a line also names each rule that the record breaks, by the id that testdata/requirements.txt
of this module explains. trace runs until Ctrl-C, or for --timeout.

-v shows the variables of each request. Passwords, tokens and cookies are *** without
--show-secrets, also in contents that --body and -x show. A file of --save has all bytes, secrets
too: only its owner can read it.`

const traceExample = `  cgikit trace fastcgi://127.0.0.1:9001 fastcgi+unix:/run/php/php-fpm.sock
  cgikit trace --in-place /run/php/php-fpm.sock --timeout 30s
  cgikit trace --in-place /run/php/php-fpm.sock --slow 500ms
  cgikit trace scgi://127.0.0.1:4001 scgi://127.0.0.1:4000 --lint --only errors
  cgikit trace fastcgi://127.0.0.1:9001 fastcgi://127.0.0.1:9000 --save trace.pcap`

// tracing is what the verb trace was asked for.
type tracing struct {
	askFlags
	inPlace, save  string
	only           []string
	hex            bool
	printer        trace.Printer
	target         targets.Target
	listenAt       listen.Address
	stdout, stderr io.Writer

	// what is open while it runs
	listener net.Listener
	dial     func(context.Context) (net.Conn, error)
	place    *trace.InPlace // nil without --in-place
	saved    *os.File       // nil without --save
	pcap     *trace.Pcap
	vector   *trace.Vector
}

func newTrace(p *process) *cobra.Command {
	t := &tracing{stdout: p.stdout, stderr: p.stderr}
	c := &cobra.Command{
		Use:     "trace LISTEN TARGET | --in-place SOCKET",
		Short:   "Show the records that pass between a web server and an application",
		Long:    traceHelp,
		Example: traceExample,
		RunE: func(c *cobra.Command, args []string) error {
			return t.run(c.Context(), p, args)
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&t.inPlace, "in-place", "", "take the place of this unix `socket` of an application")
	f.BoolVar(&t.printer.Exchanges, "exchanges", false, "write a line for each exchange, a request with its response, instead of one for each record")
	f.DurationVar(&t.printer.Slow, "slow", 0, "write only exchanges that take this `time` or longer, such as 500ms; implies --exchanges")
	f.StringSliceVar(&t.only, "only", nil, "write only these `kinds` of records, such as params,stderr; errors are broken rules and failed exchanges (default all)")
	f.BoolVarP(&t.hex, "hex", "x", false, "show the content of records as a hex dump")
	f.IntVar(&t.printer.Body, "body", 0, "number of `bytes` to show of the content of each record (default 0, or 256 with --hex)")
	f.BoolVar(&t.printer.Lint, "lint", false, "name the rules that a record breaks, and exit with 1 if there was one")
	f.StringVar(&t.save, "save", "", "save to a `file`: NAME.pcap for Wireshark, or NAME.vector, the requests of the first connection, for \"cgikit request --replay\"")
	t.askFlags.Add(f, 0)
	f.Lookup("timeout").Usage = "`time` after which trace ends, such as 30s (default none)"
	return c
}

func (t *tracing) run(ctx context.Context, p *process, args []string) error {
	if err := t.check(p, args); err != nil {
		return err
	}
	ctx, interrupted, cancel := t.context(ctx)
	defer cancel()
	start := time.Now()
	sink, err := t.openSave(start)
	if err != nil {
		return err
	}
	if err := t.open(); err != nil {
		return errors.Join(err, t.closeSave())
	}
	log := newLog(t.stderr)
	proxy := &trace.Proxy{Protocol: t.target.Protocol, Dial: t.dial, Sink: sink, Log: log, Stop: t.stop, Start: start}
	err = proxy.Serve(ctx, t.listener)
	if t.place != nil {
		err = errors.Join(err, t.place.GiveBack())
	}
	return t.finish(errors.Join(err, t.closeSave()), interrupted())
}

// check reads the command line.
func (t *tracing) check(p *process, args []string) error {
	palette, err := t.palette(p, p.stdout)
	if err != nil {
		return err
	}
	t.setPrinter(palette)
	for _, kind := range t.only {
		if !slices.Contains(traceKinds, kind) {
			return cli.Usage(fmt.Errorf("--only %.32q is not a kind of record", kind), "the kinds are "+strings.Join(traceKinds, ", "))
		}
	}
	if t.save != "" && !strings.HasSuffix(t.save, ".pcap") && !strings.HasSuffix(t.save, ".vector") {
		return cli.Usage(fmt.Errorf("--save %.100q has an unknown ending", t.save), "write NAME.pcap or NAME.vector")
	}
	if t.inPlace != "" {
		return t.checkInPlace(args)
	}
	if len(args) != 2 {
		return cli.Usage(fmt.Errorf("trace takes LISTEN and TARGET, and got %d arguments", len(args)), "such as: cgikit trace fastcgi://127.0.0.1:9001 fastcgi://127.0.0.1:9000")
	}
	if t.listenAt, err = parseListen(args[0]); err != nil {
		return err
	}
	if t.target, err = targets.Parse(args[1], "fastcgi", "scgi"); err != nil {
		return err
	}
	if t.listenAt.Protocol != t.target.Protocol {
		return cli.Usage(fmt.Errorf("%.100q and %.100q have different protocols", args[0], args[1]), "trace changes no byte: write the same protocol twice, or take cgikit serve")
	}
	return nil
}

// traceKinds are the words of --only.
var traceKinds = []string{"opened", "closed", "begin_request", "abort_request", "end_request", "params", "stdin", "stdout", "stderr", "data",
	"get_values", "get_values_result", "unknown_type", "head", "body", "response", "errors"}

func (t *tracing) setPrinter(palette cli.Palette) {
	t.printer.W, t.printer.JSON, t.printer.Only, t.printer.Buffered = t.stdout, t.JSON, t.only, true
	t.printer.Variables, t.printer.Secrets = t.Verbose > 0, t.ShowSecrets
	if t.Quiet {
		t.printer.W = io.Discard
	}
	t.printer.Exchanges = t.printer.Exchanges || t.printer.Slow > 0
	if t.printer.Hex = t.hex; t.hex && t.printer.Body == 0 {
		t.printer.Body = 256
	}
	if !palette.On() {
		return
	}
	t.printer.Paint = func(d trace.Direction, broken bool, line string) string {
		switch {
		case broken:
			return palette.Paint(cli.Red, line)
		case d == trace.ToServer:
			return palette.Paint(cli.Cyan, line)
		}
		return line
	}
}

func (t *tracing) checkInPlace(args []string) (err error) {
	if len(args) > 0 {
		return cli.Usage(errors.New("--in-place takes no LISTEN and no TARGET"), "such as: cgikit trace --in-place /run/php/php-fpm.sock")
	}
	name := t.inPlace
	if strings.HasPrefix(name, "/") || strings.HasPrefix(name, ".") {
		name = "fastcgi+unix:" + name
	}
	if t.target, err = targets.Parse(name, "fastcgi", "scgi"); err != nil {
		return err
	}
	if t.target.Network != "unix" || strings.HasPrefix(t.target.Path, "@") {
		return cli.Usage(fmt.Errorf("--in-place %.100q is not the path of a unix socket", t.inPlace), "for TCP, write LISTEN and TARGET, and give LISTEN to the web server")
	}
	return nil
}

// open opens the listener, at LISTEN or in the place of the socket.
func (t *tracing) open() (err error) {
	if t.inPlace == "" {
		t.dial = t.target.Dial
		t.listener, err = listen.Listen(t.listenAt)
		if err == nil {
			fmt.Fprintf(t.stderr, "cgikit: tracing %s, which %s answers; Ctrl-C ends it\n", t.listenAddress(), t.target.Name)
		}
		return err
	}
	place, err := trace.TakePlace(t.target.Path)
	if err != nil {
		return cli.Failure(fmt.Errorf("--in-place: %w", err), "the folder of the socket must be writable, and the application must listen there")
	}
	t.place, t.listener = place, place.Listener
	t.dial = place.Dial
	fmt.Fprintf(t.stderr, "cgikit: tracing in the place of %s; Ctrl-C puts it back, and so does: %s\n", place.Path, place.Undo())
	return nil
}

// listenAddress is the address of the listener, with the port that the system chose.
func (t *tracing) listenAddress() listen.Address {
	a := t.listenAt
	if tcp, ok := t.listener.Addr().(*net.TCPAddr); ok {
		a.Port = uint16(tcp.Port)
	}
	return a
}

// stop ends the acceptance of connections. A socket that was traced in its place is put back first,
// so that each new connection reaches the application.
func (t *tracing) stop() {
	if t.place == nil {
		t.listener.Close()
		return
	}
	t.place.GiveBack()
	t.place.AcceptQueue()
}

// sinks is a Sink of several.
type sinks []trace.Sink

// Event implements trace.Sink.
func (s sinks) Event(e *trace.Event) {
	for _, sink := range s {
		sink.Event(e)
	}
}

// Flush writes the lines of the Printer, which is the first.
func (s sinks) Flush() {
	if printer, ok := s[0].(*trace.Printer); ok {
		printer.Flush()
	}
}

// openSave opens the file of --save before anything is listened on.
func (t *tracing) openSave(start time.Time) (trace.Sink, error) {
	if t.save == "" {
		return &t.printer, nil
	}
	f, err := os.OpenFile(t.save, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, cli.Usage(fmt.Errorf("--save: %w", err), "the folder must be there, and this user must be allowed to write to it")
	}
	t.saved = f
	if strings.HasSuffix(t.save, ".vector") {
		t.vector = new(trace.Vector)
		return sinks{&t.printer, t.vector}, nil
	}
	t.pcap = trace.NewPcap(f, t.target.Protocol, start)
	return sinks{&t.printer, t.pcap}, nil
}

func (t *tracing) closeSave() error {
	if t.saved == nil {
		return nil
	}
	var err error
	if t.vector != nil {
		_, err = t.vector.WriteTo(t.saved)
	} else {
		err = t.pcap.Close()
	}
	if err = errors.Join(err, t.saved.Close()); err != nil {
		return fmt.Errorf("--save %s: %w", t.save, err)
	}
	return nil
}

// finish reports the counts, and returns the exit status: 1 for a failure and for rules that --lint
// found broken, 130 after a signal.
func (t *tracing) finish(err error, interrupted bool) error {
	fmt.Fprintf(t.stderr, "cgikit: %s, %s\n", trace.Plural(t.printer.Seen, "exchange"), trace.Plural(t.printer.Broken, "broken rule"))
	if t.printer.Broken > 0 && !t.printer.Lint {
		fmt.Fprintln(t.stderr, "hint: --lint names the rules")
	}
	switch {
	case err != nil:
		return err
	case t.printer.Err != nil:
		return t.printer.Err
	case t.printer.Lint && t.printer.Broken > 0:
		return cli.Exit(cli.StatusFailure)
	case interrupted:
		return cli.Exit(cli.StatusInterrupted)
	}
	return nil
}
