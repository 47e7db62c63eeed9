//go:build unix

package launch

import (
	"os"
	"os/signal"
	"syscall"
)

// stopSignals returns the signals on which a server drains. mod_fastcgi and lighttpd stop a FastCGI
// program by SIGUSR1, and the FastCGI library drains on it. The container images of nginx and
// php-fpm are stopped by SIGQUIT. SIGHUP means that the terminal has closed; it stays ignored in a
// program that nohup started.
func stopSignals() []os.Signal {
	stop := []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGQUIT}
	if !signal.Ignored(syscall.SIGHUP) {
		stop = append(stop, syscall.SIGHUP)
	}
	return stop
}

func isHangup(s os.Signal) bool { return s == syscall.SIGHUP }

func isQuit(s os.Signal) bool { return s == syscall.SIGQUIT }

// dumpGoroutines lets the runtime handle a quit signal in its usual way: it prints the goroutines
// and exits with status 2.
func dumpGoroutines(s os.Signal) {
	signal.Reset(s)
	_ = syscall.Kill(os.Getpid(), syscall.SIGQUIT)
	select {}
}

// catchPipeSignal makes a write to a closed pipe on standard output or standard error fail with
// EPIPE, as on any other descriptor, until stop is called. SIGPIPE is caught and not ignored, since
// child processes inherit an ignored signal.
func catchPipeSignal() (stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGPIPE)
	return func() { signal.Stop(c) }
}
