package gatewaytest

import (
	"fmt"

	"github.com/cgikit/cgikit/gateway"
)

// App serves every case: a [Transport] must run it as the application of the gateway under test.
//
// The field X-Gatewaytest-Case of a request names its case, so that one program serves all cases,
// even a CGI program that is started for every request. App opens connections to ports of 127.0.0.1
// that the request names, and panics on demand: do not make it reachable from an open network.
//
// In some cases App waits for the client, or reports to it, over a separate connection that does
// not pass through the gateway. The case learns from it the order of events: that a part arrived
// before the next one was sent, or that the App noticed that its client had gone. This works in
// whatever process App runs.
var App gateway.App = gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
	name := r.Environ.Get("HTTP_X_GATEWAYTEST_CASE")
	for _, c := range Cases() {
		if c.Name == name {
			return c.app(w, r)
		}
	}
	w.Start("404 Not Found")
	_, err := fmt.Fprintf(w, "gatewaytest: no case %q\n", name)
	return err
})

// text answers 200 with plain text.
func text(w gateway.ResponseWriter, format string, args ...any) error {
	w.Headers().Set("Content-Type", "text/plain")
	if err := w.Start("200 OK"); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, format, args...)
	return err
}

// variables returns an App that answers with the named meta-variables, one a line, and leaves out
// absent ones.
func variables(names ...string) gateway.AppFunc {
	return func(w gateway.ResponseWriter, r *gateway.Request) error {
		out := ""
		for _, name := range names {
			if value, ok := r.Environ.Lookup(name); ok {
				out += name + "=" + value + "\n"
			}
		}
		return text(w, "%s", out)
	}
}
