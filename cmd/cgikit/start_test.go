package main

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
)

// startTrace is a line of GODEBUG=inittrace=1.
var startTrace = regexp.MustCompile(`(?m)^init (\S+) @.*, (\d+) bytes, \d+ allocs$`)

// TestStartIsCheap: no package makes large values when the program starts. A CGI program starts for
// each request, and so do the ping of a container and the scripts of these tests.
func TestStartIsCheap(t *testing.T) {
	const most = 512 << 10 // bytes; net/http and the command itself need about 100,000
	program, err := exec.LookPath("cgikit")
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program, "version")
	c.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%.2000s", err, out)
	}
	lines := startTrace.FindAllStringSubmatch(string(out), -1)
	if len(lines) < 10 {
		t.Fatalf("got %d packages in the trace; want those of the command:\n%.2000s", len(lines), out)
	}
	for _, line := range lines {
		if n, _ := strconv.Atoi(line[2]); n > most {
			t.Errorf("the start of package %s allocates %d bytes; want at most %d", line[1], n, most)
		}
	}
}
