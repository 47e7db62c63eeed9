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

	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
)

// call is a system call that a server made.
type call struct {
	name   string
	args   string // files among them as <path>
	result int64  // -1 is a failure
}

// traced runs a server under strace while use asks it, and returns the calls of these names that
// it made.
func traced(o options, server []string, names string, use func(*peer.Process) error) ([]call, error) {
	if _, err := exec.LookPath("strace"); err != nil {
		return nil, err
	}
	file := filepath.Join(o.dir, "trace")
	p, err := peer.StartSelf(o.dir, "unix", server, "strace", "-f", "-y", "-qq", "-o", file, "-e", "signal=none", "-e", "trace="+names)
	if err != nil {
		return nil, err
	}
	err = use(p)
	p.Stop()
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

// parseTrace decodes what strace -f writes. A call during which another thread makes one stands in
// two lines.
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

// fileCalls counts what a server did with a file: the bytes that sendfile moved and its calls, the
// bytes that were read, and the calls that mapped it.
type fileCalls struct{ sent, sends, read, maps int64 }

func countFileCalls(o options, server, path string) (fileCalls, error) {
	calls, err := traced(o, []string{server, path}, readCalls+",mmap,"+writeCalls, func(p *peer.Process) error {
		_, _, err := fetch(p, o.size)
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

// showCalls prints how the server sends the file, of which it must not read a byte.
func showCalls(o options, path string) error {
	n, err := countFileCalls(o, "file", path)
	if err != nil {
		fmt.Fprintln(o.out, "left out: strace:", err)
		return nil
	}
	fmt.Fprintf(o.out, "strace: server sent %d bytes of the file by %d calls of sendfile, and read %d itself\n", n.sent, n.sends, n.read)
	if n.sent != o.size || n.read > 0 || n.maps > 0 {
		return fmt.Errorf("server: sendfile moved %d of %d bytes; %d were read, %d parts mapped", n.sent, o.size, n.read, n.maps)
	}
	return nil
}

// countSocketCalls returns how many calls per request gave the server something to read, and how
// many wrote something.
func countSocketCalls(o options, server string) (reads, writes float64, err error) {
	var requests float64
	calls, err := traced(o, []string{server}, readCalls+","+writeCalls, func(p *peer.Process) error {
		requests, _, err = helloLoad(p).Run(1, o.span)
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
