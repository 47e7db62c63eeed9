//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/testdata/bench/contest"
)

// call is a system call that a server made.
type call struct {
	name   string
	args   string // files among them as <path>
	result int64  // -1 is a failure
}

// traced runs a server under strace, has use ask it, and returns the calls of these names that it
// made.
func traced(s settings, server []string, names string, use func(*contest.Child) error) ([]call, error) {
	if _, err := exec.LookPath("strace"); err != nil {
		return nil, err
	}
	file := filepath.Join(s.dir, "trace")
	c, err := contest.StartSelf(s.dir, "unix", server, "strace", "-f", "-y", "-qq", "-o", file, "-e", "signal=none", "-e", "trace="+names)
	if err != nil {
		return nil, err
	}
	err = use(c)
	c.Stop()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(file)
	return parseTrace(string(text)), err
}

var (
	wholeCall  = regexp.MustCompile(`^(\w+)\((.*)\)\s+= (-?\d+)`)
	cutCall    = regexp.MustCompile(`^(\w+)\((.*)<unfinished \.\.\.>$`)
	resumption = regexp.MustCompile(`^<\.\.\. \w+ resumed>(.*)\)\s+= (-?\d+)`)
)

// parseTrace reads what strace -f writes: a call that others interrupt comes in two lines of its
// thread.
func parseTrace(text string) []call {
	var all []call
	open := map[string]call{}
	for line := range strings.Lines(text) {
		thread, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest = strings.TrimSpace(rest)
		if m := wholeCall.FindStringSubmatch(rest); m != nil {
			all = append(all, call{m[1], m[2], number(m[3])})
		} else if m := cutCall.FindStringSubmatch(rest); m != nil {
			open[thread] = call{name: m[1], args: m[2]}
		} else if m := resumption.FindStringSubmatch(rest); m != nil {
			c := open[thread]
			all = append(all, call{c.name, c.args + m[1], number(m[2])})
		}
	}
	return all
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

const (
	readCalls  = "read,readv,pread64,preadv,preadv2,recvfrom,recvmsg"
	writeCalls = "write,writev,pwrite64,pwritev,sendto,sendmsg,sendfile,splice"
)

// fileCalls is what a server did with a file: how many bytes sendfile moved, in how many calls, how
// many bytes it read, and how often it mapped it.
type fileCalls struct{ sent, sends, read, maps int64 }

func countFileCalls(s settings, server, path string) (fileCalls, error) {
	calls, err := traced(s, []string{server, path}, readCalls+",mmap,"+writeCalls, func(c *contest.Child) error {
		_, _, err := fetch(c, s.size)
		return err
	})
	var n fileCalls
	for _, c := range calls {
		switch {
		case c.result < 0 || !strings.Contains(c.args, "<"+path+">"):
		case c.name == "sendfile" || c.name == "splice":
			n.sent += c.result
			n.sends++
		case c.name == "mmap":
			n.maps++
		default:
			n.read += c.result
		}
	}
	return n, err
}

// showCalls prints how the file leaves the server, which must not see a byte of it.
func showCalls(s settings, path string) error {
	n, err := countFileCalls(s, "file", path)
	if err != nil {
		fmt.Println("left out: strace:", err)
		return nil
	}
	fmt.Printf("strace: server sent %d bytes of the file by %d calls of sendfile, and read %d itself\n", n.sent, n.sends, n.read)
	if n.sent != s.size || n.read > 0 || n.maps > 0 {
		return fmt.Errorf("server: sendfile moved %d of %d bytes; %d were read, %d parts mapped", n.sent, s.size, n.read, n.maps)
	}
	return nil
}

// countSocketCalls returns how many calls per request gave the server something to read, and how
// many wrote something.
func countSocketCalls(s settings, server string) (reads, writes float64, err error) {
	var requests float64
	calls, err := traced(s, []string{server}, readCalls+","+writeCalls, func(c *contest.Child) error {
		requests, _, err = helloLoad(c).Run(1, s.span)
		return err
	})
	for _, c := range calls {
		_, fd, _ := strings.Cut(c.args, "<")
		switch {
		case c.result <= 0 || !strings.HasPrefix(fd, "socket:"):
		case slices.Contains(strings.Split(readCalls, ","), c.name):
			reads++
		default:
			writes++
		}
	}
	return reads / requests, writes / requests, err
}
