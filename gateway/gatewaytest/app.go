package gatewaytest

import (
	"fmt"

	"github.com/cgikit/cgikit/gateway"
)

// App serves every case: it is what a [Transport] has to put behind the gateway under test.
//
// The field X-Gatewaytest-Case of a request names its case, so that one process, which may be a CGI
// program that is started for every request, serves all of them. App does what the case says. It
// opens connections to ports of 127.0.0.1 that the request names, and panics on demand: it must not
// be reachable from an open network.
//
// In some cases App waits for the client, or reports to it, over a connection beside the gateway,
// so that the case can tell the order of events: that a part arrived before the next was sent, or
// that the App learned of its client's end. It does so from any process that it runs in.
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

// variables is an App that answers with the named meta-variables, one a line, those that are absent
// left out.
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
