//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// child is a server in a process of its own.
type child struct {
	network, addr string
	cmd           *exec.Cmd
	stdin         io.WriteCloser // it ends when this is closed, so also when this process dies
	stdout        *bufio.Reader
}

// startSelf runs this program as one of its servers, on a unix socket of its own or, for network tcp, on a port that the system
// picks, and returns when that listens. wrap is a program to run it under.
func startSelf(dir, network string, server []string, wrap ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = filepath.Join(dir, fmt.Sprintf("%s.%d.sock", server[0], time.Now().UnixNano()))
	}
	args := append(append([]string{}, wrap...), self, "serve", network, addr)
	return startChild(network, exec.Command(args[0], append(args[1:], server...)...))
}

// startChild starts a server that says "ready" and its address when it listens.
func startChild(network string, cmd *exec.Cmd) (*child, error) {
	c := &child{network: network, cmd: cmd}
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
		c.stop()
		return nil, fmt.Errorf("%s said %q: %v", cmd.Path, line, err)
	}
	c.addr = addr
	return c, nil
}

func (c *child) stop() {
	c.stdin.Close()
	c.cmd.Wait()
}

// mallocs asks a server of this program how many objects it has allocated so far.
func (c *child) mallocs() (float64, error) {
	if _, err := io.WriteString(c.stdin, "mallocs\n"); err != nil {
		return 0, err
	}
	line, err := c.stdout.ReadString('\n')
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(strings.TrimSpace(line), 64)
}

// resetPeak makes peak count anew from what is resident now.
func (c *child) resetPeak() error { return os.WriteFile(c.proc("clear_refs"), []byte("5"), 0) }

// peak returns the most bytes that were resident at any one time, file pages among them.
func (c *child) peak() (int64, error) { return c.status("VmHWM:") }

// resident returns the bytes that are resident.
func (c *child) resident() (int64, error) { return c.status("VmRSS:") }

func (c *child) status(field string) (int64, error) {
	text, err := os.ReadFile(c.proc("status"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, field); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("no %s in %s", field, c.proc("status"))
}

func (c *child) proc(name string) string { return fmt.Sprintf("/proc/%d/%s", c.cmd.Process.Pid, name) }

// cpu returns the processor time that the process has taken, in steps of 10 ms.
func (c *child) cpu() (time.Duration, error) {
	text, err := os.ReadFile(c.proc("stat"))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name before it may hold anything
	fields := strings.Fields(rest)
	var ticks int64
	for _, field := range fields[11:13] { // utime and stime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}
