//go:build unix

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/testdata/conf"
)

// TestBalancedGETsSurviveAKillAndADrain kills one of three processes behind a load balancer while
// requests are under way, restarts it, and stops another one by a signal. No GET may fail whose
// response had not begun.
func TestBalancedGETsSurviveAKillAndADrain(t *testing.T) {
	t.Parallel()
	// logged by the balancer when it removes a process
	for template, noticed := range map[string]string{
		"haproxy-fastcgi-balanced": "Server app/app0 is DOWN",
		"nginx-fastcgi-balanced":   "upstream server temporarily disabled",
	} {
		t.Run(template, func(t *testing.T) {
			t.Parallel()
			webserver.Find(t, conf.Server(template))
			first, second, third := startMember(t, "first"), startMember(t, "second"), startMember(t, "third")
			s := webserver.Start(t, webserver.Config{
				Template:  template,
				Mount:     "/app",
				Processes: []conf.Process{first.at, second.at, third.at},
			})
			load := startLoad(t, s.URL+"/x")
			const enough = 12 // requests, far more than are under way at a time
			load.await("first", enough)
			load.await("second", enough)
			load.await("third", enough)

			first.end(t, syscall.SIGKILL)
			load.await("second", enough)
			load.await("third", enough)
			for end := time.Now().Add(patience); !strings.Contains(s.ErrorLog(), noticed); load.await("third", 1) {
				if time.Now().After(end) {
					t.Fatalf("the balancer has not logged %q", noticed)
				}
			}

			first.again(t, "again")
			load.await("again", enough)

			if err := second.end(t, syscall.SIGTERM); err != nil {
				t.Errorf("the drained process: %v", err)
			}
			load.await("again", enough)
			load.await("third", enough)
		})
	}
}

// load is a few clients that repeat a request.
type load struct {
	t       *testing.T
	url     string
	client  http.Client
	mu      sync.Mutex
	grown   *sync.Cond     // signals a change of answers or failures, or the timeout
	answers map[string]int // by the body of the response
	// truncated responses, which had begun when their process was killed
	cut      int
	failures []string
	ending   bool
}

// atOnce is the number of concurrent requests.
const atOnce = 6

// startLoad requests url until the test ends. The test fails after any response that is not 200.
func startLoad(t *testing.T, url string) *load {
	l := &load{t: t, url: url, answers: make(map[string]int)}
	l.grown = sync.NewCond(&l.mu)
	// On a kept connection net/http would repeat a failed request itself.
	l.client = http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	var clients sync.WaitGroup
	for range atOnce {
		clients.Go(l.run)
	}
	t.Cleanup(func() {
		l.mu.Lock()
		l.ending = true
		l.mu.Unlock()
		clients.Wait()
		if l.cut > atOnce {
			t.Errorf("%d responses were cut off; want at most those that were under way at the kill", l.cut)
		}
		if len(l.failures) > 0 {
			t.Errorf("GETs failed: %s\nanswered: %v", strings.Join(l.failures, "; "), l.answers)
		}
	})
	return l
}

func (l *load) run() {
	for {
		answer, err := l.ask()
		l.mu.Lock()
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF): // a proxy cannot repeat a request after it has sent a part of the response
			l.cut++
		case err != nil:
			l.failures = append(l.failures, err.Error())
		default:
			l.answers[answer]++
		}
		over := l.ending || len(l.failures) > 0
		l.mu.Unlock()
		l.grown.Broadcast()
		if over {
			return
		}
	}
}

func (l *load) ask() (string, error) {
	resp, err := l.client.Get(l.url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s, %.200q", resp.Status, body)
	}
	return strings.TrimSpace(string(body)), err
}

// await waits for n more responses of a process.
func (l *load) await(name string, n int) {
	l.t.Helper()
	late := false
	timer := time.AfterFunc(patience, func() {
		l.mu.Lock()
		late = true
		l.mu.Unlock()
		l.grown.Broadcast()
	})
	defer timer.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for want := l.answers[name] + n; l.answers[name] < want && !late && len(l.failures) == 0; {
		l.grown.Wait()
	}
	if late || len(l.failures) > 0 {
		l.t.Fatalf("waiting for %d more answers of %s; late %t, answered %v", n, name, late, l.answers)
	}
}

// member is one process of the command, over FastCGI with a status page.
type member struct {
	at      conf.Process
	script  string
	command *exec.Cmd
}

// startMember starts a process whose response is name.
func startMember(t *testing.T, name string) *member {
	t.Helper()
	s := &member{script: filepath.Join(t.TempDir(), "slow")}
	// A request must be under way when the process is killed.
	webserver.WriteProgram(t, s.script, "#!/bin/sh\nsleep 0.05\necho Content-Type: text/plain\necho\necho $NAME\n")
	s.at = conf.Process{Address: "127.0.0.1:0", Health: "127.0.0.1:0"}
	s.again(t, name)
	t.Cleanup(func() {
		if s.command != nil {
			s.end(t, syscall.SIGTERM)
		}
	})
	return s
}

// again restarts the process at the same addresses.
func (s *member) again(t *testing.T, name string) {
	t.Helper()
	program, err := exec.LookPath("cgikit")
	if err != nil {
		t.Fatal(err)
	}
	s.command = exec.Command(program, "serve", "-l", "fastcgi://"+s.at.Address, "--metrics", s.at.Health, "--env", "NAME="+name, "cgi:"+s.script)
	stderr, err := s.command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	said := regexp.MustCompile(`the status page address=http://(\S+)/\n(?s:.*)serving address=fastcgi://(\S+)\n`)
	lines, text := bufio.NewReader(stderr), ""
	for {
		line, err := lines.ReadString('\n')
		if text += line; err != nil {
			t.Fatalf("the process does not serve: %v\n%s", err, text)
		}
		if m := said.FindStringSubmatch(text); m != nil {
			s.at = conf.Process{Address: m[2], Health: m[1]}
			return
		}
	}
}

// end sends a signal and waits for the process.
func (s *member) end(t *testing.T, signal os.Signal) error {
	t.Helper()
	if err := s.command.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	err := s.command.Wait()
	s.command = nil
	return err
}
