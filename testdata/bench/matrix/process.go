package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"syscall"
)

// processes are those of a pair, in the order in which they were started.
type processes []*exec.Cmd

var served = regexp.MustCompile(`address="?([^ "]+)`)

// start runs a program until it says at which address it serves.
func (p *processes) start(program string, args, env []string) (pid int, address string, err error) {
	c := exec.Command(program, args...)
	c.Env = append(os.Environ(), env...)
	stderr, err := c.StderrPipe()
	if err != nil {
		return 0, "", err
	}
	if err := c.Start(); err != nil {
		return 0, "", err
	}
	*p = append(*p, c)
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if match := served.FindStringSubmatch(lines.Text()); match != nil {
			go drain(lines)
			return c.Process.Pid, match[1], nil
		}
		fmt.Fprintln(os.Stderr, lines.Text())
	}
	return 0, "", errors.New(program + " does not serve")
}

// drain shows what a program complains of.
func drain(lines *bufio.Scanner) {
	for lines.Scan() {
		if line := lines.Text(); !regexp.MustCompile(`ending, requests`).MatchString(line) {
			fmt.Fprintln(os.Stderr, line)
		}
	}
}

// stop ends them, the last first: it has connections to the others.
func (p processes) stop() {
	for i := len(p) - 1; i >= 0; i-- {
		_ = p[i].Process.Signal(syscall.SIGTERM)
		_ = p[i].Wait()
	}
}

// memory is what a process had at two moments, in kB.
type memory struct{ pid, before, after int }

func (m memory) grown() int { return m.after - m.before }

// begin sets the high-water mark back to what the process has now (proc(5), clear_refs).
func begin(pid int) (memory, error) {
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil {
		return memory{}, err
	}
	n, err := highWater(pid)
	return memory{pid: pid, before: n}, err
}

func (m *memory) end() (err error) {
	m.after, err = highWater(m.pid)
	return err
}

var highWaterLine = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

func highWater(pid int) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	match := highWaterLine.FindSubmatch(text)
	if match == nil {
		return 0, fmt.Errorf("process %d has no VmHWM", pid)
	}
	return strconv.Atoi(string(match[1]))
}
