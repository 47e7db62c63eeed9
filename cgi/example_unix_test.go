//go:build unix

package cgi_test

import (
	"fmt"
	"io"
	"os/exec"
	"strings"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// The web server's side: each request starts the script.
func ExampleScript() {
	shell, err := exec.LookPath("sh")
	if err != nil {
		return
	}
	script := &cgi.Script{
		Path: shell,
		Args: []string{"-c", `printf 'Content-Type: text/plain\n\n'; echo "$REQUEST_METHOD $QUERY_STRING, $GREETING"`},
		Env:  []string{"GREETING=hello"},
	}
	environ := util.EnvironFromMap(map[string]string{"REQUEST_METHOD": "GET", "QUERY_STRING": "a=1"})
	resp, err := script.RoundTrip(&gateway.Request{Environ: environ, Stdin: strings.NewReader("")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Printf("%s: %s%v\n", resp.Headers.Get("Content-Type"), body, err)
	// Output:
	// text/plain: GET a=1, hello
	// <nil>
}
