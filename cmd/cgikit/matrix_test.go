package main

import (
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"slices"
	"testing"

	"github.com/cgikit/cgikit/cmd/cgikit/internal/monitor"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/scgi"
)

var quiet = slog.New(slog.DiscardHandler)

// appVariable makes this test program run one of matrixApps as a CGI script.
const appVariable = "CGIKIT_MATRIX"

// matrixApps are the applications by the value of appVariable.
var matrixApps = map[string]gateway.App{"suite": gatewaytest.App, "bulk": bulk}

// The two sides of the matrix: cgikit is on both ends of every pair.
var (
	matrixListeners = []string{"http", "fastcgi", "scgi"}
	matrixTargets   = []string{"local", "cgi", "fastcgi", "fastcgi by gofast", "scgi"}
)

// TestMatrix runs the conformance suite through each listener to each target, as serve combines
// them: with buffering, and with --stream.
func TestMatrix(t *testing.T) {
	t.Parallel()
	for _, in := range matrixListeners {
		for _, out := range matrixTargets {
			t.Run(in+" to "+out+", buffered", func(t *testing.T) { runMatrix(t, in, out, bufferedExclusions[out], targetOptions{}) })
			t.Run(in+" to "+out+", streamed", func(t *testing.T) { runMatrix(t, in, out, streamExclusions[out], streaming) })
		}
	}
}

func runMatrix(t *testing.T, in, out string, exclusions []gatewaytest.Exclusion, o targetOptions) {
	t.Parallel() // most of the time the tests wait
	gatewaytest.Run(t, gatewaytest.Transport{
		Exclusions: exclusionsOf(in, out, exclusions),
		Start: func(t testing.TB, _ gateway.App) string {
			return listenBy(t, in, serveTo(t, out, "suite", o))
		},
	})
}

// exclusionsOf adds the exclusion of host.Handler, which stands in front of a target, or of a
// listener that does not speak HTTP. An App of this process gets net/http's path.
func exclusionsOf(in, out string, target []gatewaytest.Exclusion) []gatewaytest.Exclusion {
	if in == "http" && out == "local" {
		return target
	}
	return append(slices.Clone(target), gatewaytest.Exclusion{
		Case: "repeated-slashes",
		Reason: "host.Handler: PATH_INFO=/foo/bar/baz for //foo///bar/baz: as in nginx, Apache and lighttpd a path has no empty segments; " +
			"REQUEST_URI has them",
	})
}

// streaming are the flags of serve --stream.
var streaming = targetOptions{buffer: bufferOptions{stream: true}}

// bufferedExclusions are the cases that buffering cannot pass. A target of this process has no
// Handler, and so no buffering.
var bufferedExclusions = map[string][]gatewaytest.Exclusion{
	"cgi": wholeBody, "fastcgi": wholeBody, "fastcgi by gofast": wholeBody, "scgi": wholeBody,
}

var wholeBody = []gatewaytest.Exclusion{{
	Case:   "full-duplex",
	Reason: "with buffering the body is complete before the target is asked, so that a slow client does not occupy it; --stream passes it on as it comes",
}}

// streamExclusions are the cases that a target cannot pass by its protocol. Listeners have none.
var streamExclusions = map[string][]gatewaytest.Exclusion{
	"cgi": {{
		Case:   "full-duplex",
		Reason: "package cgi reads the body to its end before its first output, because Apache hands over all of it before it reads an answer",
	}},
	"fastcgi by gofast": {{
		Case:   "full-duplex",
		Reason: "gofast v0.8.0: no STDIN record while the body is half sent: it collects a body to its end, or to a full record, before it sends it",
	}},
}

// serveTo returns the App that serve makes of a target that asks an application, with all that can
// watch its requests.
func serveTo(t testing.TB, kind, app string, o targetOptions) gateway.App {
	t.Helper()
	tg := targetOf(t, kind, app, o)
	t.Cleanup(func() {
		if err := tg.close(); err != nil {
			t.Error(err)
		}
	})
	s := &serving{}
	log, err := newAccessLog(io.Discard, "combined")
	if err != nil {
		t.Fatal(err)
	}
	return s.app(tg, log, new(monitor.Ledger))
}

func targetOf(t testing.TB, kind, appName string, options targetOptions) *target {
	t.Helper()
	name, app := "", matrixApps[appName]
	switch kind {
	case "local":
		return localTarget(withoutErrors(app), nothingToClose)
	case "cgi":
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		name, options.env = "cgi:"+self, []string{appVariable + "=" + appName, "GORACE=atexit_sleep_ms=0"}
	case "scgi":
		name = "scgi://" + serveOn(t, &scgi.Server{App: withoutErrors(app), ErrorLog: quiet})
	default:
		name, options.gofast = "fastcgi://"+serveOn(t, &fastcgi.Server{App: app, ErrorLog: quiet}), kind == "fastcgi by gofast"
	}
	tg, err := openTarget(name, options, quiet)
	if err != nil {
		t.Fatal(err)
	}
	return tg
}

// withoutErrors drops what app writes to its error stream, where that is this process's standard
// error: a failure of any test of the package would print all of it.
func withoutErrors(app gateway.App) gateway.App {
	return gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		r.Stderr = io.Discard
		return app.ServeGateway(w, r)
	})
}

// listenBy serves app over a protocol and returns a URL for HTTP clients. Another protocol than
// HTTP gets a second cgikit in front.
func listenBy(t testing.TB, protocol string, app gateway.App) string {
	t.Helper()
	var client gateway.Backend
	switch protocol {
	case "http":
		return "http://" + serveOn(t, &httpapp.Server{App: app, ErrorLog: quiet})
	case "fastcgi":
		c := &fastcgi.Client{Addr: serveOn(t, &fastcgi.Server{App: app, ErrorLog: quiet})}
		t.Cleanup(func() { c.Close() })
		client = c
	case "scgi":
		client = &scgi.Client{Addr: serveOn(t, &scgi.Server{App: app, ErrorLog: quiet})}
	}
	s := httptest.NewServer(&host.Handler{Backend: client, PassAuthorization: true, ErrorLog: quiet})
	t.Cleanup(s.Close)
	return s.URL
}

// server has the methods that all servers have.
type server interface {
	Serve(net.Listener) error
	Close() error
}

// serveOn runs s on a free port until the test ends, and returns its address.
func serveOn(t testing.TB, s server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		<-done
	})
	return l.Addr().String()
}
