//go:build unix

package launch

import (
	"os"
	"os/signal"
	"syscall"
)

// stopSignals are those on which a server drains. SIGUSR1 is how mod_fastcgi and lighttpd ask a
// FastCGI program to, and what the FastCGI library makes of it. SIGQUIT is what the images of nginx
// and php-fpm are stopped with. SIGHUP says that the terminal has gone; a program that was started
// by nohup ignores it, and goes on to.
func stopSignals() []os.Signal {
	stop := []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGQUIT}
	if !signal.Ignored(syscall.SIGHUP) {
		stop = append(stop, syscall.SIGHUP)
	}
	return stop
}

func isQuit(s os.Signal) bool { return s == syscall.SIGQUIT }

// dump lets the runtime do with a quit signal as it does by itself: it prints the goroutines and
// exits with status 2.
func dump(s os.Signal) {
	signal.Reset(s)
	_ = syscall.Kill(os.Getpid(), syscall.SIGQUIT)
	select {}
}

// surviveClosedPipes makes a write to a closed pipe on standard output or standard error fail with
// EPIPE, as on any other descriptor, until stop is called. The signal is caught and not ignored:
// what is ignored is ignored in child processes too.
func surviveClosedPipes() (stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGPIPE)
	return func() { signal.Stop(c) }
}
