//go:build linux

package contest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Child is a server in a process of its own.
type Child struct {
	Network, Addr string

	cmd *exec.Cmd
	// a program of ours ends when this is closed, so also when this process dies
	stdin  io.WriteCloser
	stdout *bufio.Reader // nil: no program of ours
}

// StartSelf runs this program as one of its servers, on a unix socket of its own or, for network
// tcp, on a port that the system picks, and returns when that listens. wrap is a program to run it
// under. See ServeChild.
func StartSelf(dir, network string, server []string, wrap ...string) (*Child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = filepath.Join(dir, fmt.Sprintf("%s.%d.sock", server[0], time.Now().UnixNano()))
	}
	args := append(append([]string{}, wrap...), self, "serve", network, addr)
	return StartChild(network, exec.Command(args[0], append(args[1:], server...)...))
}

// StartChild starts a server that says "ready" and its address when it listens, and ends when its
// standard input does.
func StartChild(network string, cmd *exec.Cmd) (*Child, error) {
	c := &Child{Network: network, cmd: cmd}
	cmd.Stderr = os.Stderr
	var err error
	if c.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c.stdout = bufio.NewReader(out)
	line, err := c.stdout.ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if err != nil || !ok {
		c.Stop()
		return nil, fmt.Errorf("%s said %q: %v", cmd.Path, line, err)
	}
	c.Addr = addr
	return c, nil
}

// StartProgram starts somebody else's server, and returns when it listens on addr. It ends by
// SIGTERM.
func StartProgram(network, addr string, cmd *exec.Cmd) (*Child, error) {
	c := &Child{Network: network, Addr: addr, cmd: cmd}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	for range 400 {
		if conn, err := net.Dial(network, addr); err == nil {
			return c, conn.Close()
		}
		time.Sleep(25 * time.Millisecond)
	}
	c.Stop()
	return nil, fmt.Errorf("%s does not listen on %s", cmd.Path, addr)
}

// Stop ends the process and waits for that.
func (c *Child) Stop() {
	if c.stdout == nil {
		c.cmd.Process.Signal(syscall.SIGTERM)
	} else {
		c.stdin.Close()
	}
	c.cmd.Wait()
}

// Mallocs asks a server of this program how many objects it has allocated so far.
func (c *Child) Mallocs() (float64, error) {
	if _, err := io.WriteString(c.stdin, "mallocs\n"); err != nil {
		return 0, err
	}
	line, err := c.stdout.ReadString('\n')
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(strings.TrimSpace(line), 64)
}

// FreePort returns a TCP address that a program may listen on: the port of a listener that is
// closed is free for a while.
func FreePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
