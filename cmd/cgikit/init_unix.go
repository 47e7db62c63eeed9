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

// childOfInit tells a process that its parent is runAsInit.
const childOfInit = "CGIKIT_CHILD_OF_INIT"

// As process 1 of a container, cgikit is given the orphans of its scripts, which remain zombies
// until it waits for them. It cannot both wait for every process and let package cgi wait for its
// own: a script's exit status would go to the wrong reader, and its number could be taken by
// another process before its group is killed. So process 1 runs the command again as a child, and
// does nothing else than an init does.

// isInit reports whether this process is process 1.
func isInit() bool { return os.Getpid() == 1 }

// runAsInit runs this command as a child process with the same descriptors, forwards signals to it,
// waits for every process that ends, and returns a cli.Exit when the child has ended.
func runAsInit() error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("the program does not find itself, to run below process 1: %w", err)
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, forwardedSignals()...)
	child, err := os.StartProcess(program, os.Args, &os.ProcAttr{
		Env:   append(os.Environ(), childOfInit+"=1"),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}, // the others are inherited as they are
		// a terminal's signals come once, from here
		Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		return fmt.Errorf("cannot run below process 1: %w", err)
	}
	go func() {
		for s := range signals {
			_ = child.Signal(s) // a child that has ended needs none
		}
	}()
	return reapUntil(child.Pid)
}

// forwardedSignals are those that a service manager or a terminal sends. One that was ignored at
// the start stays so.
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

// reapUntil waits for every process that ends, until that of pid does.
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

// statusOf is the exit status by which a shell tells how a process ended.
func statusOf(s syscall.WaitStatus) int {
	if s.Signaled() {
		return 128 + int(s.Signal())
	}
	return s.ExitStatus()
}

// adoptSockets lets the child of runAsInit take the sockets that systemd passed to its parent:
// LISTEN_PID names the process that they are meant for.
func adoptSockets() {
	if os.Getenv(childOfInit) == "" {
		return
	}
	os.Unsetenv(childOfInit)
	if os.Getenv("LISTEN_PID") == strconv.Itoa(os.Getppid()) {
		os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
	}
}
