//go:build unix

package cgi_test

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func pidOf(t *testing.T, text string) int {
	t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || pid <= 1 {
		t.Fatalf("got process id %q", text)
	}
	return pid
}

// killPID ends the process whose number is in the file.
func killPID(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pidOf(t, string(text)), syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}

// gone reports whether the process has ended. One that is not reaped yet cannot run any more,
// but is there.
func gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || zombie(pid) }

func zombie(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && strings.Contains(string(stat), ") Z ")
}

// pause lets other processes run, between two looks at one that is about to end.
func pause() { time.Sleep(5 * time.Millisecond) }

func mustMkfifo(t *testing.T, path string) {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o755); err != nil {
		t.Fatal(err)
	}
}
