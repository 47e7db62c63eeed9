package cgi_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
	"github.com/cgikit/cgikit/util"
)

// appVariable makes the test binary the CGI program of that name.
const appVariable = "CGIKIT_TEST_APP"

// noRaceSleep spares the programs the second that the race detector sleeps at their end.
const noRaceSleep = "GORACE=atexit_sleep_ms=0"

func TestMain(m *testing.M) {
	if name := os.Getenv(appVariable); name != "" {
		os.Exit(program(name))
	}
	if path := os.Getenv(surroundings); path != "" {
		os.Exit(runScript(path))
	}
	// Some wait for scripts and servers most of the time. The flag -parallel still counts.
	flag.Set("test.parallel", "5")
	os.Exit(leaks.Run(m))
}

// surroundings makes the test binary a web server that runs the script of that path.
const surroundings = "CGIKIT_TEST_SURROUNDINGS"

// runScript writes the body of the script's response.
func runScript(path string) int {
	resp, err := (&cgi.Script{Path: path}).RoundTrip(&gateway.Request{Environ: util.EnvironFromMap(map[string]string{"REQUEST_METHOD": "GET"})})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	if _, err := io.Copy(os.Stdout, resp.Body); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// program is the main function that the package documentation shows.
func program(name string) int {
	server := cgi.Server{App: apps[name], MaxBodyBytes: 20 << 20}
	switch name {
	case "small-spool":
		server.MaxSpoolBytes = 2 << 20
	case "option-nph":
		server.NPH = true
	}
	if err := server.Serve(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "test program:", err)
		return 1
	}
	return 0
}

// body10M returns a body larger than any pipe, in which no block is like its neighbour.
func body10M() []byte {
	b := make([]byte, 10<<20)
	for i := range b {
		b[i] = byte(i>>16) ^ byte(i)
	}
	return b
}

// child is a CGI program under test and the web server's ends of its streams.
type child struct {
	*exec.Cmd
	stdin  io.WriteCloser
	stdout io.ReadCloser
	stderr strings.Builder
}

// start runs one of the programs above. Its variables are vars besides what a server sends with
// every request. The test does not wait for it longer than 20 seconds.
func start(t *testing.T, app string, vars ...string) *child {
	t.Helper()
	c := prepare(t, app, vars...)
	var err error
	if c.stdin, err = c.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if c.stdout, err = c.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

func prepare(t *testing.T, app string, vars ...string) *child {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	c := &child{Cmd: exec.CommandContext(ctx, executable(t))}
	c.Stderr = &c.stderr
	c.Env = append(os.Environ(), appVariable+"="+app, "GATEWAY_INTERFACE=CGI/1.1", "SERVER_PROTOCOL=HTTP/1.1", "REQUEST_METHOD=GET",
		"SCRIPT_NAME=/cgi-bin/app", "QUERY_STRING=", noRaceSleep)
	c.Env = append(c.Env, vars...)
	return c
}

func executable(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// answer reads the response and returns it with the exit status. Line ends are LF in it.
func (c *child) answer(t *testing.T) (response string, status int) {
	t.Helper()
	out, err := io.ReadAll(c.stdout)
	if err != nil {
		t.Fatal(err)
	}
	c.Wait() // its error is the exit status
	return strings.ReplaceAll(string(out), "\r\n", "\n"), c.ProcessState.ExitCode()
}

// runOnce sends body as Apache does: all of it, before it reads a byte of the answer.
func runOnce(t *testing.T, app string, body []byte, vars ...string) (c *child, response string, status int) {
	t.Helper()
	if body != nil {
		vars = append([]string{"REQUEST_METHOD=POST", fmt.Sprint("CONTENT_LENGTH=", len(body))}, vars...)
	}
	c = start(t, app, vars...)
	c.send(body)
	response, status = c.answer(t)
	return c, response, status
}

// send writes and closes standard input. A program that stopped reading is none of its business, as
// it is none of Apache's.
func (c *child) send(body []byte) {
	c.stdin.Write(body)
	c.stdin.Close()
}
