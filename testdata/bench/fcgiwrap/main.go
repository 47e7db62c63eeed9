//go:build unix

// Command fcgiwrap measures cgi.Dir behind this module's FastCGI and SCGI servers against the
// fcgiwrap of the machine. All run the same script for the same client, each from a process of its
// own over a unix socket, in short rounds that alternate, so that what else the machine does hits
// all alike.
//
//	go run ./testdata/bench/fcgiwrap
//
// It prints the requests per second of every round and the median of the rounds' ratios, and exits
// 1 where one is under 1.0.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/scgi"
)

const goal = 1.0

const text = "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nhello\\n'\n"

func main() {
	serve := flag.String("serve", "", "what a child process serves: fastcgi or scgi")
	rounds := flag.Int("rounds", 15, "rounds of each server")
	span := flag.Duration("time", time.Second, "time of a round")
	clients := flag.Int("clients", 8, "clients at the same time, and processes of fcgiwrap")
	script := flag.String("script", "", "program to run in place of a shell script that says hello")
	flag.Parse()
	log.SetFlags(0)
	var err error
	if *serve == "" {
		err = measure(*rounds, *clients, *span, *script)
	} else {
		err = serveOn(*serve, flag.Arg(0), flag.Arg(1))
	}
	if err != nil {
		log.Fatal(err)
	}
}

// serveOn serves the folder on a unix socket until stdin ends: so a child does not outlive its
// parent.
func serveOn(protocol, socket, dir string) error {
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	app := gateway.Forward(&cgi.Dir{Path: dir})
	quiet := slog.New(slog.DiscardHandler)
	server := interface {
		Serve(net.Listener) error
		Close() error
	}(&fastcgi.Server{App: app, ErrorLog: quiet})
	if protocol == "scgi" {
		server = &scgi.Server{App: app, ErrorLog: quiet}
	}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		server.Close()
	}()
	if err := server.Serve(l); !errors.Is(err, gateway.ErrServerClosed) {
		return err
	}
	return nil
}

// contender is one of the servers.
type contender struct {
	name   string
	socket string
	ask    func(socket string, request []byte) error
	rates  []float64 // requests per second of each round
}

func measure(rounds, clients int, span time.Duration, program string) error {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	script, err := install(dir, program)
	if err != nil {
		return err
	}
	contenders := []*contender{{name: "fcgiwrap", ask: askFastCGI}, {name: "fastcgi", ask: askFastCGI}, {name: "scgi", ask: askSCGI}}
	for _, c := range contenders {
		c.socket = filepath.Join(dir, c.name+".sock")
		stop, err := c.start(filepath.Dir(script), clients)
		if err != nil {
			return err
		}
		defer stop()
	}
	for i := range rounds {
		for j := range contenders { // each begins as often as the others
			c := contenders[(i+j)%len(contenders)]
			rate, err := c.round(script, clients, span)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			c.rates = append(c.rates, rate)
		}
	}
	return report(contenders)
}

// install puts the script into a folder of its own.
func install(dir, program string) (script string, err error) {
	content := []byte(text)
	if program != "" {
		if content, err = os.ReadFile(program); err != nil {
			return "", err
		}
	}
	script = filepath.Join(dir, "cgi-bin", "hello")
	if err := os.Mkdir(filepath.Dir(script), 0o755); err != nil {
		return "", err
	}
	return script, os.WriteFile(script, content, 0o755)
}

// start runs the server and returns when that answers.
func (c *contender) start(dir string, clients int) (stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	child := exec.Command(self, "-serve", c.name, c.socket, dir)
	if c.name == "fcgiwrap" {
		child = exec.Command("fcgiwrap", "-c", strconv.Itoa(clients), "-s", "unix:"+c.socket)
	}
	child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	child.Stderr = os.Stderr
	hold, err := child.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := child.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		hold.Close()
		// its processes end neither with the first of them nor, while idle, by SIGTERM
		if c.name == "fcgiwrap" {
			syscall.Kill(-child.Process.Pid, syscall.SIGKILL)
		}
		child.Wait()
	}
	for range 500 {
		conn, err := net.Dial("unix", c.socket)
		if err == nil {
			return stop, conn.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	return nil, fmt.Errorf("%s does not listen", c.name)
}

func report(contenders []*contender) error {
	fmt.Println("round   fcgiwrap/s  fastcgi/s     scgi/s   fastcgi:fcgiwrap   scgi:fcgiwrap")
	var ratios [2][]float64
	for i := range contenders[0].rates {
		base, f, s := contenders[0].rates[i], contenders[1].rates[i], contenders[2].rates[i]
		ratios[0], ratios[1] = append(ratios[0], f/base), append(ratios[1], s/base)
		fmt.Printf("%5d %12.0f %10.0f %10.0f %18.3f %15.3f\n", i+1, base, f, s, f/base, s/base)
	}
	for i := range ratios {
		slices.Sort(ratios[i])
	}
	f, s := ratios[0][len(ratios[0])/2], ratios[1][len(ratios[1])/2]
	fmt.Printf("median ratios: fastcgi %.3f, scgi %.3f; goal %.1f\n", f, s, goal)
	if min(f, s) < goal {
		return errors.New("under the goal")
	}
	return nil
}
