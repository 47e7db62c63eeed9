package gateway_test

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// An application at the root of a lighttpd whose configuration cannot be changed.
func ExampleWithProfiles() {
	app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := fmt.Fprintf(w, "SCRIPT_NAME=%q PATH_INFO=%q\n", r.Environ.Get("SCRIPT_NAME"), r.Environ.Get("PATH_INFO"))
		return err
	})
	asked := slices.DeleteFunc(gateway.Profiles(), func(p gateway.Profile) bool { return p.Name != "lighttpd-root" })

	environ := util.EnvironFromList([]string{"SERVER_SOFTWARE=lighttpd/1.4.69", "SCRIPT_NAME=/app", "PATH_INFO=/x"})
	h := &gateway.BaseCGIHandler{Environ: environ, Stdout: crlf{os.Stdout}}
	h.Run(context.Background(), gateway.WithProfiles(app, asked...))
	// Output:
	// Status: 200 OK
	// Content-Length: 34
	//
	// SCRIPT_NAME="" PATH_INFO="/app/x"
}

// Explain shows which profiles have changed a request.
func ExampleExplain() {
	environ := util.EnvironFromList([]string{"SERVER_SOFTWARE=Apache/2.4.71", "REDIRECT_HTTP_AUTHORIZATION=Basic eDp5"})
	for _, line := range gateway.Explain(environ, nil) {
		fmt.Printf("%.80s...\n", line)
	}
	// Output:
	// apache-redirect changes HTTP_AUTHORIZATION: Apache withholds Authorization from ...
}
