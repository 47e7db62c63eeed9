//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/fcgi"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

// servers are what a child process can be. args is what follows the name.
var servers = map[string]func(l net.Listener, args []string) error{
	"constant": func(l net.Listener, _ []string) error { return serveEach(l, serveConstant) },
	"trivial":  func(l net.Listener, _ []string) error { return serveEach(l, serveTrivial) },
	"nethttp":  func(l net.Listener, _ []string) error { return http.Serve(l, http.HandlerFunc(helloHandler)) },
	"fcgi":     func(l net.Listener, _ []string) error { return fcgi.Serve(l, http.HandlerFunc(helloHandler)) },
	"server":   func(l net.Listener, _ []string) error { return newServer(gateway.AppFunc(helloApp)).Serve(l) },
	"serverhttp": func(l net.Listener, _ []string) error {
		return newServer(httpapp.New(http.HandlerFunc(helloHandler))).Serve(l)
	},
	"std": func(l net.Listener, _ []string) error { return newStdServer(gateway.AppFunc(helloApp)).Serve(l) },
	"stdhttp": func(l net.Listener, _ []string) error {
		return newStdServer(httpapp.New(http.HandlerFunc(helloHandler))).Serve(l)
	},
	"stream":      func(l net.Listener, _ []string) error { return newServer(gateway.AppFunc(streamApp)).Serve(l) },
	"stdstream":   func(l net.Listener, _ []string) error { return newStdServer(gateway.AppFunc(streamApp)).Serve(l) },
	"file":        func(l net.Listener, args []string) error { return newServer(fileApp(args[0])).Serve(l) },
	"stdfile":     func(l net.Listener, args []string) error { return newStdServer(fileApp(args[0])).Serve(l) },
	"roles":       func(l net.Listener, _ []string) error { return newRolesServer().Serve(l) },
	"patient":     func(l net.Listener, _ []string) error { return newServer(gateway.AppFunc(patientApp)).Serve(l) },
	"stdpatient":  func(l net.Listener, _ []string) error { return newStdServer(gateway.AppFunc(patientApp)).Serve(l) },
	"fcgipatient": func(l net.Listener, _ []string) error { return fcgi.Serve(l, http.HandlerFunc(patientHandler)) },
	"blocks":      serveBlocks,
	"sendfile":    serveSendfile,
}

// serveChild serves on an address until standard input ends. Lines that come there are questions.
func serveChild(network string, args []string) error {
	if len(args) < 2 || servers[args[1]] == nil {
		return fmt.Errorf("no server %q", args)
	}
	l, err := net.Listen(network, args[0])
	if err != nil {
		return err
	}
	defer profile(args[1])()
	fmt.Println("ready", l.Addr())
	failed := make(chan error, 1)
	go func() { failed <- servers[args[1]](l, args[2:]) }()
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

// serveEach runs handle for each connection, which it closes then.
func serveEach(l net.Listener, handle func(net.Conn) error) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			handle(c) // whatever fails here, the client reports it
		}()
	}
}
