//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// childOfInit is the variable that marks a child of runAsInit.
const childOfInit = "CGIKIT_CHILD_OF_INIT"

// As process 1 of a container, cgikit becomes the parent of its scripts' orphans, which stay
// zombies until it waits for them. One process cannot wait for all children while package cgi waits
// for its own: it could take the exit status of a script, and the system could reuse the script's
// process id before its group is killed. So process 1 runs the command again as a child, and is
// only an init.

// isInit reports whether this process is process 1.
func isInit() bool { return os.Getpid() == 1 }

// runAsInit runs this command as a child process with the same descriptors, forwards signals to it,
// waits for every process that ends, and returns a cli.Exit when the child has ended.
func runAsInit() error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot find the file of this program, to run it below process 1: %w", err)
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, forwardedSignals()...)
	child, err := os.StartProcess(program, os.Args, &os.ProcAttr{
		Env:   append(os.Environ(), childOfInit+"=1"),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}, // all other signals keep the inherited behaviour
		// the child gets a terminal's signals only from here
		Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		return fmt.Errorf("cannot run below process 1: %w", err)
	}
	go func() {
		for s := range signals {
			_ = child.Signal(s) // the child may have ended
		}
	}()
	return reapUntil(child.Pid)
}

// forwardedSignals returns the signals that a service manager or a terminal sends, except those
// that were ignored at the start.
func forwardedSignals() []os.Signal {
	var caught []os.Signal
	for _, s := range []os.Signal{
		syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH,
	} {
		if !signal.Ignored(s) {
			caught = append(caught, s)
		}
	}
	return caught
}

// reapUntil waits for every process that ends, until process pid has ended.
func reapUntil(pid int) error {
	for {
		var status syscall.WaitStatus
		ended, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR), err == nil && ended != pid:
		case err != nil:
			return fmt.Errorf("waiting below process 1: %w", err)
		default:
			return cli.Exit(statusOf(status))
		}
	}
}

// statusOf returns the exit status that a shell reports for the process.
func statusOf(s syscall.WaitStatus) int {
	if s.Signaled() {
		return 128 + int(s.Signal())
	}
	return s.ExitStatus()
}

// adoptSockets sets LISTEN_PID to this process, if the process is the child of runAsInit. The
// variable names the process that may use the sockets of systemd, which is at first the parent.
func adoptSockets() {
	if os.Getenv(childOfInit) == "" {
		return
	}
	os.Unsetenv(childOfInit)
	if os.Getenv("LISTEN_PID") == strconv.Itoa(os.Getppid()) {
		os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
	}
}
