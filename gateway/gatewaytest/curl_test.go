package gatewaytest_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os/exec"
	"strconv"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// seenByCurl checks that curl, too, fails for a response that the suite's client finds broken,
// unless the web server hides the break.
func seenByCurl(t *testing.T, d deployment, url string) {
	curl := webserver.Find(t, "curl")
	if body, status := runCurl(t, curl, url+"/?whole"); body != "ab" || status != 0 {
		t.Fatalf("whole: got %q, exit status %d; want \"ab\" and 0", body, status)
	}
	body, status := runCurl(t, curl, url+"/")
	if seen := status != 0; seen == hidden(d) {
		t.Errorf("broken: got %q, exit status %d; the server hides it: %v", body, status, hidden(d))
	}
}

func hidden(d deployment) bool {
	for _, x := range serverExclusions(d, "") {
		if x.Case == "panic-after-the-first-byte" {
			return true
		}
	}
	return false
}

// runCurl requests the case that panics after the first byte, and lets the App continue when curl
// has that byte.
func runCurl(t *testing.T, curl, url string) (body string, status int) {
	t.Helper()
	gate, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer gate.Close()
	port := strconv.Itoa(gate.Addr().(*net.TCPAddr).Port)
	cmd := exec.Command(curl, "--silent", "--no-buffer", "--max-time", "30",
		"--header", "X-Gatewaytest-Case: panic-after-the-first-byte", "--header", "X-Gatewaytest-Gate: "+port, url)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 1)
	if _, err := io.ReadFull(out, first); err != nil {
		t.Errorf("the first byte did not arrive: %v", err)
	} else if c, err := gate.Accept(); err == nil {
		c.Close()
	}
	rest := new(bytes.Buffer)
	rest.ReadFrom(out)
	var exit *exec.ExitError
	if err := cmd.Wait(); errors.As(err, &exit) {
		status = exit.ExitCode()
	}
	return string(first) + rest.String(), status
}
