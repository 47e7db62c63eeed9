package peer

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Process is a server that runs.
type Process struct {
	Network, Addr string
	Command       []string // by which it was started
	Front         *Process // a web server in front of it, which ends with it; nil: none

	cmd      *exec.Cmd
	stderr   tail
	stopTime time.Duration // after which it is killed
	// A server that prints when it is ready ends when this is closed, as it is when this program
	// dies.
	stdin  io.WriteCloser
	stdout *bufio.Reader // nil for other servers
	ended  chan struct{} // closed when the process has ended
}

// startTime is how long a server may take to listen.
const startTime = 10 * time.Second

var sockets atomic.Int64

// Socket returns a path for a new unix socket in dir.
func Socket(dir, name string) string {
	return filepath.Join(dir, fmt.Sprintf("%s.%d.sock", name, sockets.Add(1)))
}

// FreePort returns a TCP address that a program may listen on. The port of a listener that was
// closed stays free for a while.
func FreePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// StartSelf runs this program as one of its servers, on a unix socket of its own in dir or, for
// network "tcp", on a port of the system's choice, and returns when it listens. server is the
// server's name and its arguments; wrap is a program to run it under. See Serve.
func StartSelf(dir, network string, server []string, wrap ...string) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = Socket(dir, server[0])
	}
	args := append(append([]string{}, wrap...), self, serveArg, network, addr)
	return StartReady(network, exec.Command(args[0], append(args[1:], server...)...))
}

// StartReady starts a server that prints "ready" and its address when it listens, and ends when its
// standard input does.
func StartReady(network string, cmd *exec.Cmd) (*Process, error) {
	p := &Process{Network: network, cmd: cmd}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.start(); err != nil {
		return nil, err
	}
	p.stdout = bufio.NewReader(out)
	line, err := p.stdout.ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if err != nil || !ok {
		p.Stop()
		return nil, fmt.Errorf("%s printed %.200q in the place of its address%s", cmd.Path, line, p.Log())
	}
	p.Addr = addr
	return p, nil
}

// StartProgram starts any other server, and returns when it listens on addr. SIGTERM ends it.
func StartProgram(network, addr string, cmd *exec.Cmd) (*Process, error) {
	p := &Process{Network: network, Addr: addr, cmd: cmd}
	if err := p.start(); err != nil {
		return nil, err
	}
	if err := p.awaitListener(); err != nil {
		p.Stop()
		return nil, fmt.Errorf("%w%s", err, p.Log())
	}
	return p, nil
}

// start puts the process into a group of its own, with what it starts itself.
func (p *Process) start() (err error) {
	p.Command, p.ended = p.cmd.Args, make(chan struct{})
	ownGroup(p.cmd)
	p.cmd.WaitDelay = 50 * time.Millisecond // children that outlive it have its standard error
	p.cmd.Stderr, p.stopTime = &p.stderr, cmp.Or(p.stopTime, 2*time.Second)
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	go func() {
		defer close(p.ended)
		p.cmd.Wait()
	}()
	return nil
}

func (p *Process) awaitListener() error {
	late := time.After(startTime)
	for {
		if conn, err := net.Dial(p.Network, p.Addr); err == nil {
			return conn.Close()
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended before it listened: %s", p.cmd.Path, p.cmd.ProcessState)
		case <-late:
			return fmt.Errorf("%s does not listen on %s after %v", p.cmd.Path, p.Addr, startTime)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Stop ends the process, its Front, and all that they have started. It returns when they have
// ended.
func (p *Process) Stop() {
	if p.Front != nil {
		p.Front.Stop()
	}
	p.stdin.Close()
	if p.stdout == nil {
		terminate(p.cmd)
	}
	select {
	case <-p.ended:
	case <-time.After(p.stopTime):
	}
	killGroup(p.cmd) // also children that the first process did not wait for
	<-p.ended
}

// Log returns the last 2 KiB that the process has printed to standard error, each line of it after
// a line end, and "" if it has printed nothing.
func (p *Process) Log() string {
	text := p.stderr.String()
	if text == "" {
		return ""
	}
	return "\n\t" + strings.ReplaceAll(text, "\n", "\n\t")
}

// Mallocs asks a server of this program how many objects it has allocated so far.
func (p *Process) Mallocs() (float64, error) {
	if p.stdout == nil {
		return 0, errors.New("not a server of this program")
	}
	if _, err := io.WriteString(p.stdin, "mallocs\n"); err != nil {
		return 0, err
	}
	line, err := p.stdout.ReadString('\n')
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(strings.TrimSpace(line), 64)
}
