package child

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Memory returns the resident memory of the process in bytes, and whether it is known.
func (c *Child) Memory() (n uint64, known bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", c.PID))
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseUint(fields[1], 10, 64)
	return pages * uint64(os.Getpagesize()), err == nil
}

// Written returns how many bytes the process has written by write(2) and similar calls to files,
// pipes and sockets, and whether that is known. It works until Reap.
func (c *Child) Written() (n uint64, known bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", c.PID))
	if err != nil {
		return 0, false
	}
	for line := range bytes.Lines(text) {
		if value, found := bytes.CutPrefix(line, []byte("wchar: ")); found {
			n, err := strconv.ParseUint(strings.TrimSpace(string(value)), 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
