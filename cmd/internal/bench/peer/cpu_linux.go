package peer

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit of the times in /proc/PID/stat (proc(5): USER_HZ).
const tick = 10 * time.Millisecond

// CPU returns the processor time that the process and all that descend from it have used so far,
// those that have ended and were waited for among them.
func (p *Process) CPU() (time.Duration, error) {
	root, err := readStat(procFile(p.cmd.Process.Pid, "stat"))
	if err != nil {
		return 0, err
	}
	children, err := descent()
	if err != nil {
		return 0, err
	}
	return treeTime(root, children), nil
}

// treeTime adds up a process and its descendants.
func treeTime(s stat, children map[int][]stat) time.Duration {
	total := s.time() + s.waited
	for _, child := range children[s.pid] {
		total += treeTime(child, children)
	}
	return total
}

// stat is what /proc/PID/stat has of a process.
type stat struct {
	pid, parent int
	own         time.Duration // in ticks
	waited      time.Duration // of the children that it has waited for, and of theirs, in ticks
}

// time returns the time of all threads of a process, by the clock that clock_getcpuclockid(3)
// describes. A process that has ended has no clock, but until its parent waits for it its ticks.
func (s stat) time() time.Duration {
	const schedulerClock = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^s.pid)<<3|schedulerClock, &t); err != nil || t.Nano() == 0 {
		return s.own
	}
	return time.Duration(t.Nano())
}

// descent returns the children of each process.
func descent() (map[int][]stat, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	children := map[int][]stat{}
	for _, path := range paths {
		if s, err := readStat(path); err == nil { // it may have ended by now
			children[s.parent] = append(children[s.parent], s)
		}
	}
	return children, nil
}

// readStat reads pid, ppid, utime, stime, cutime and cstime (proc(5)).
func readStat(path string) (s stat, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	pid, rest, _ := strings.Cut(string(text), " (")
	rest = rest[strings.LastIndex(rest, ") ")+2:] // the name before it may have any characters
	fields := append([]string{pid}, strings.Fields(rest)...)
	var n [6]int
	for i, field := range []int{0, 2, 12, 13, 14, 15} {
		if n[i], err = strconv.Atoi(fields[field]); err != nil {
			return s, err
		}
	}
	return stat{n[0], n[1], time.Duration(n[2]+n[3]) * tick, time.Duration(n[4]+n[5]) * tick}, nil
}

func procFile(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}
