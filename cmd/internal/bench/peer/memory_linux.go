package peer

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ResetPeak makes Peak count anew from what is resident now.
func (p *Process) ResetPeak() error {
	return os.WriteFile(procFile(p.cmd.Process.Pid, "clear_refs"), []byte("5"), 0)
}

// Peak returns the most bytes of the process that were resident at any one time, file pages among
// them.
func (p *Process) Peak() (int64, error) { return p.status("VmHWM:") }

// Resident returns the bytes of the process and of all that descend from it that are resident. A
// page that several of them have counts for each.
func (p *Process) Resident() (int64, error) {
	children, err := descent()
	if err != nil {
		return 0, err
	}
	return treeResident(p.cmd.Process.Pid, children)
}

func treeResident(pid int, children map[int][]stat) (int64, error) {
	total, err := readStatus(pid, "VmRSS:")
	for _, child := range children[pid] {
		if more, err := treeResident(child.pid, children); err == nil { // it may have ended by now
			total += more
		}
	}
	return total, err
}

func (p *Process) status(field string) (int64, error) { return readStatus(p.cmd.Process.Pid, field) }

func readStatus(pid int, field string) (int64, error) {
	path := procFile(pid, "status")
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, field); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("no %s in %s", field, path)
}
