package gatewaytest

import (
	"fmt"

	"github.com/cgikit/cgikit/gateway"
)

// App serves every case: it is what a [Transport] has to put behind the gateway under test.
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

// variables is an App that answers with the named meta-variables, one a line, those that are absent left out.
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
