package cgi_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// TestScriptWithoutDescriptors: whatever is short of a file descriptor, the fault is ours, and it
// passes. Descriptors that the process was started with stay hidden from scripts even if the first
// cannot be started.
func TestScriptWithoutDescriptors(t *testing.T) {
	if os.Getenv(fewFiles) != "" {
		os.Exit(runWithFewFiles())
	}
	open, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	c := exec.Command(executable(t), "-test.run=^TestScriptWithoutDescriptors$")
	c.Env = append(os.Environ(), fewFiles+"=1", noRaceSleep)
	c.ExtraFiles = []*os.File{open}
	out, err := c.Output()
	results := strings.Fields(string(out))
	if err != nil || len(results) < 3 {
		t.Fatalf("got %q, %v", out, err)
	}
	for i, got := range results {
		want := "503"
		if i == len(results)-1 {
			want = "ok"
		}
		if got != want {
			t.Errorf("attempt %d: got %s; want %s\nall: %v", i, got, want, results)
		}
	}
}

// fewFiles makes TestScriptWithoutDescriptors the other process: a web server that is short of
// descriptors.
const fewFiles = "CGIKIT_TEST_FEW_FILES"

// runWithFewFiles runs a script with no free descriptor, and with one more each time until it
// succeeds.
func runWithFewFiles() int {
	s := &cgi.Script{Path: "/bin/sh", Args: []string{"-c", `printf 'A: b\n\n'; if (: <&3) 2>/dev/null; then printf inherited; else printf ok; fi`}}
	if err := openPoller(); err != nil {
		fmt.Println(err)
		return 1
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		fmt.Println(err)
		return 1
	}
	for limit.Cur = 3; ; limit.Cur++ {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			fmt.Println(err)
			return 1
		}
		result := attempt(s)
		fmt.Println(result)
		if result != "503" {
			return 0
		}
	}
}

// openPoller has the runtime open what it waits with, without which it ends the process.
func openPoller() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	r.Close()
	return w.Close()
}

// attempt returns the body of a response, or the status of the error.
func attempt(s *cgi.Script) string {
	resp, err := s.RoundTrip(&gateway.Request{Environ: util.EnvironFromMap(map[string]string{"REQUEST_METHOD": "GET"})})
	var ours *gateway.ServerError
	switch {
	case errors.As(err, &ours):
		return fmt.Sprint(ours.Status)
	case err != nil:
		return strings.ReplaceAll(err.Error(), " ", "_")
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return strings.ReplaceAll(err.Error(), " ", "_")
	}
	return string(body)
}
