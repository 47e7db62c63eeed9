package peer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
)

// serveArg is the first argument of this program where it is to be one of its servers.
const serveArg = "serve"

// Server serves on l until that is closed. args are what follows the server's name.
type Server func(l net.Listener, args []string) error

// Serve is what the program does that StartSelf has started. With arguments of that form, "serve
// NETWORK ADDR NAME ARG...", it serves by the server of that name until in ends, and own is true.
// Each line of in asks how many objects were allocated so far. BENCH_PROFILE=DIR in the environment
// has it write a CPU profile there, NAME.pprof.
func Serve(args []string, in io.Reader, out io.Writer, servers map[string]Server) (own bool, err error) {
	if len(args) == 0 || args[0] != serveArg {
		return false, nil
	}
	if len(args) < 4 || servers[args[3]] == nil {
		return true, fmt.Errorf("no server %.200q", args[1:])
	}
	l, err := net.Listen(args[1], args[2])
	if err != nil {
		return true, err
	}
	stop, err := profile(args[3])
	if err != nil {
		return true, errors.Join(err, l.Close())
	}
	defer stop()
	return true, serveUntil(in, out, l, func() error { return servers[args[3]](l, args[4:]) })
}

func serveUntil(in io.Reader, out io.Writer, l net.Listener, serve func() error) error {
	fmt.Fprintln(out, "ready", l.Addr())
	failed := make(chan error, 2)
	go func() { failed <- serve() }()
	go func() {
		answerQuestions(in, out)
		failed <- l.Close()
	}()
	if err := <-failed; !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

func profile(name string) (stop func(), err error) {
	dir := os.Getenv("BENCH_PROFILE")
	if dir == "" {
		return func() {}, nil
	}
	f, err := os.Create(filepath.Join(dir, name+".pprof"))
	if err != nil {
		return nil, err
	}
	stop = func() {
		pprof.StopCPUProfile()
		f.Close()
	}
	return stop, pprof.StartCPUProfile(f)
}

func answerQuestions(in io.Reader, out io.Writer) {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Fprintln(out, m.Mallocs)
	}
}
