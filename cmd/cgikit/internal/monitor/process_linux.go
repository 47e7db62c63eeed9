package monitor

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// readUsage reads /proc. ok is false if that is not mounted.
func readUsage() (u usage, ok bool) {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return u, false
	}
	if fields := strings.Fields(string(statm)); len(fields) > 1 { // number of pages: all, resident
		pages, _ := strconv.ParseInt(fields[1], 10, 64)
		u.residentBytes = pages * int64(os.Getpagesize())
	}
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return u, false
	}
	u.openFiles = len(files)
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return u, false
	}
	u.cpuSeconds = (time.Duration(r.Utime.Nano()) + time.Duration(r.Stime.Nano())).Seconds()
	return u, true
}
