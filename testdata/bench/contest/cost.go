//go:build linux

package contest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ResetPeak makes Peak count anew from what is resident now.
func (c *Child) ResetPeak() error { return os.WriteFile(c.proc("clear_refs"), []byte("5"), 0) }

// Peak returns the most bytes that were resident at any one time, file pages among them.
func (c *Child) Peak() (int64, error) { return c.status("VmHWM:") }

// Resident returns the bytes that are resident.
func (c *Child) Resident() (int64, error) { return c.status("VmRSS:") }

func (c *Child) status(field string) (int64, error) {
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

func (c *Child) proc(name string) string { return fmt.Sprintf("/proc/%d/%s", c.cmd.Process.Pid, name) }

// CPU returns the processor time that the process and its children have taken, those that it has
// waited for among them, in steps of 10 ms. Grandchildren count when they have ended.
func (c *Child) CPU() (time.Duration, error) {
	self := strconv.Itoa(c.cmd.Process.Pid)
	_, ticks, err := stat(c.proc("stat"))
	if err != nil {
		return 0, err
	}
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	for _, path := range all {
		if parent, n, err := stat(path); err == nil && parent == self { // it may have ended by now
			ticks += n
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// stat reads the parent of a process, and the time it took: utime, stime, cutime and cstime
// (proc(5)).
func stat(path string) (parent string, ticks int64, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name before it may hold anything
	fields := strings.Fields(rest)
	for _, field := range fields[11:15] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return "", 0, err
		}
		ticks += n
	}
	return fields[1], ticks, nil
}
