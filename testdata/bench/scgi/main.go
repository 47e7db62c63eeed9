// Command scgi measures package scgi against its floor: a server that accepts, reads, writes a
// constant and closes, which is the least that answering a request on a connection of its own can
// cost in Go. Both answer the same clients over a unix socket, each from a process of its own, in
// short rounds that alternate, so that what else the machine does hits both alike.
//
//	go run ./testdata/bench/scgi
//
// It prints the requests per second of every round, and the median of the rounds' ratios. The goal
// is 0.8.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/scgi"
)

// variables are what nginx 1.22 sends for a GET by curl with its stock scgi_params.
const variables = "CONTENT_LENGTH\x000\x00REQUEST_METHOD\x00GET\x00REQUEST_URI\x00/app/hello?x=1\x00QUERY_STRING\x00x=1\x00" +
	"CONTENT_TYPE\x00\x00DOCUMENT_URI\x00/app/hello\x00DOCUMENT_ROOT\x00/usr/share/nginx/html\x00SCGI\x001\x00" +
	"SERVER_PROTOCOL\x00HTTP/1.1\x00REQUEST_SCHEME\x00http\x00REMOTE_ADDR\x00127.0.0.1\x00REMOTE_PORT\x0051334\x00" +
	"SERVER_PORT\x008080\x00SERVER_NAME\x00localhost\x00HTTP_HOST\x00localhost\x00HTTP_USER_AGENT\x00curl/7.88.1\x00" +
	"HTTP_ACCEPT\x00*/*\x00"

const answer = "Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n"

func main() {
	serve := flag.String("serve", "", "what a child process serves: floor or scgi")
	rounds := flag.Int("rounds", 25, "rounds of each server")
	span := flag.Duration("time", 200*time.Millisecond, "time of a round")
	clients := flag.Int("clients", 16, "clients at the same time")
	flag.Parse()
	log.SetFlags(0)
	var err error
	switch *serve {
	case "":
		err = measure(*rounds, *clients, *span)
	case "floor":
		err = serveOn(flag.Arg(0), serveFloor)
	case "scgi":
		err = serveOn(flag.Arg(0), serveSCGI)
	default:
		err = fmt.Errorf("nothing is called %q", *serve)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// serveOn serves on a unix socket until stdin ends: so a child does not outlive its parent.
func serveOn(path string, serve func(net.Listener) error) error {
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	failed := make(chan error, 1)
	go func() { failed <- serve(l) }()
	go func() {
		io.Copy(io.Discard, os.Stdin)
		failed <- l.Close()
	}()
	if err := <-failed; !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

func serveFloor(l net.Listener) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			c.Read(make([]byte, 4096))
			io.WriteString(c, answer)
			c.Close()
		}()
	}
}

func serveSCGI(l net.Listener) error {
	return scgi.Serve(l, gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		if err := w.Headers().Set("Content-Type", "text/plain"); err != nil {
			return err
		}
		_, err := io.WriteString(w, "hello\n")
		return err
	}))
}

func measure(rounds, clients int, span time.Duration) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	paths := map[string]string{}
	for _, name := range []string{"floor", "scgi"} {
		paths[name] = filepath.Join(dir, name)
		stop, err := startChild(name, paths[name])
		if err != nil {
			return err
		}
		defer stop()
	}
	var ratios []float64
	fmt.Println("round    floor/s     scgi/s  ratio")
	for i := range rounds {
		floor, err := round(paths["floor"], clients, span)
		if err != nil {
			return err
		}
		own, err := round(paths["scgi"], clients, span)
		if err != nil {
			return err
		}
		ratios = append(ratios, own/floor)
		fmt.Printf("%5d %10.0f %10.0f  %.3f\n", i+1, floor, own, own/floor)
	}
	slices.Sort(ratios)
	fmt.Printf("median ratio %.3f\n", ratios[len(ratios)/2])
	return nil
}

// startChild runs this program as a server and returns when that listens.
func startChild(name, path string) (stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	child := exec.Command(self, "-serve", name, path)
	child.Stderr = os.Stderr
	hold, err := child.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := child.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := child.Start(); err != nil {
		return nil, err
	}
	_, err = io.ReadFull(out, make([]byte, len("ready\n")))
	return func() {
		hold.Close()
		child.Wait()
	}, err
}

// round has the clients ask for that long and returns the requests per second.
func round(path string, clients int, span time.Duration) (float64, error) {
	request := fmt.Sprintf("%d:%s,", len(variables), variables)
	var done atomic.Int64
	var failure atomic.Pointer[error]
	var all sync.WaitGroup
	begin := time.Now()
	for range clients {
		all.Go(func() {
			buf := make([]byte, 4096)
			for time.Since(begin) < span && failure.Load() == nil {
				if err := ask(path, request, buf); err != nil {
					failure.Store(&err)
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	if err := failure.Load(); err != nil {
		return 0, *err
	}
	return float64(done.Load()) / time.Since(begin).Seconds(), nil
}

// ask does one request and wants a whole answer.
func ask(path, request string, buf []byte) error {
	c, err := net.Dial("unix", path)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := io.WriteString(c, request); err != nil {
		return err
	}
	n := 0
	for {
		got, err := c.Read(buf[n:])
		n += got
		switch {
		case errors.Is(err, io.EOF) && strings.HasSuffix(string(buf[:n]), "\r\n\r\nhello\n"):
			return nil
		case err != nil:
			return fmt.Errorf("after %q: %w", buf[:n], err)
		}
	}
}
