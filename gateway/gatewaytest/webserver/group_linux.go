package webserver

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// groupLives reports whether any process of the group still runs: the server itself, or a child. A
// zombie counts as gone: the first process of a container may never reap a child that ended after
// the server.
func (p *process) groupLives() bool {
	if errors.Is(syscall.Kill(-p.pid(), 0), syscall.ESRCH) {
		return false
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // Glob fails only for a bad pattern
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		if err == nil && runsInGroup(text, p.pid()) {
			return true
		}
	}
	return false
}

// runsInGroup reads a line of /proc/PID/stat: "4711 (name) state parent group ...". The name may
// hold any character, also a parenthesis.
func runsInGroup(stat []byte, group int) bool {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	return len(fields) > 2 && string(fields[2]) == strconv.Itoa(group) && string(fields[0]) != "Z"
}
