//go:build linux

package contest

import (
	"bufio"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
)

// ServeChild is what a program that StartSelf has started as "serve NETWORK ADDR NAME ARG..." does:
// it serves by servers[NAME], which gets what follows, until standard input ends. Lines that come
// there are questions.
func ServeChild(args []string, servers map[string]func(l net.Listener, args []string) error) error {
	if len(args) < 3 || servers[args[2]] == nil {
		return fmt.Errorf("no server %q", args)
	}
	l, err := net.Listen(args[0], args[1])
	if err != nil {
		return err
	}
	defer profile(args[2])()
	fmt.Println("ready", l.Addr())
	failed := make(chan error, 1)
	go func() { failed <- servers[args[2]](l, args[3:]) }()
	go func() {
		answerQuestions()
		failed <- l.Close()
	}()
	if err := <-failed; !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// profile writes where the time went, as NAME.pprof in the folder that BENCH_PROFILE names.
func profile(name string) (stop func()) {
	dir := os.Getenv("BENCH_PROFILE")
	if dir == "" {
		return func() {}
	}
	f, err := os.Create(filepath.Join(dir, name+".pprof"))
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		log.Fatal(err)
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}
}

// answerQuestions says for each line of standard input how many objects were allocated so far.
func answerQuestions() {
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Println(m.Mallocs)
	}
}
