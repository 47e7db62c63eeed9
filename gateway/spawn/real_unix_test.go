//go:build unix

package spawn_test

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/gateway/spawn"
	"github.com/cgikit/cgikit/util"
)

// real is a program that is not of this module. Its responses have its process id.
type real struct {
	name  string
	pool  func(t *testing.T, dir string) *spawn.Pool
	loses bool // closes a connection that it accepts in the moment of the stop signal
}

var reals = []real{
	{"php-cgi", phpPool, false},
	{"libfcgi", libfcgiPool, true},
	{"FCGI.pm", perlPool, true},
}

// phpPool is PHP, whose processes end after 20 requests.
func phpPool(t *testing.T, dir string) *spawn.Pool {
	php := webserver.Find(t, "php-cgi")
	write(t, filepath.Join(dir, "x.php"), "<?php usleep(500); echo getmypid();")
	return &spawn.Pool{Path: php, Env: append(spawn.Environ(), "PHP_FCGI_CHILDREN=0", "PHP_FCGI_MAX_REQUESTS=20")}
}

// libfcgiPool is a program on libfcgi, which finishes its request after SIGTERM and SIGUSR1.
func libfcgiPool(t *testing.T, dir string) *spawn.Pool {
	cc := webserver.Find(t, "cc")
	webserver.FindFile(t, "libfcgi", "/usr/include/fcgi_stdio.h")
	source := filepath.Join(dir, "echo.c")
	write(t, source, `#include <fcgi_stdio.h>
#include <unistd.h>
int main(void) {
	while (FCGI_Accept() >= 0) { usleep(500); printf("Content-Type: text/plain\r\n\r\n%d", getpid()); }
	return 0;
}`)
	program := filepath.Join(dir, "echo")
	if out, err := exec.Command(cc, "-o", program, source, "-lfcgi").CombinedOutput(); err != nil {
		t.Fatalf("cc: %v\n%.1000s", err, out)
	}
	return &spawn.Pool{Path: program}
}

func perlPool(t *testing.T, dir string) *spawn.Pool {
	perl := webserver.Find(t, "perl")
	path, _ := exec.Command(perl, "-MFCGI", "-e", "print $INC{'FCGI.pm'}").Output()
	webserver.FindFile(t, "FCGI.pm", string(path))
	script := filepath.Join(dir, "app.pl")
	write(t, script, "use FCGI; my $r = FCGI::Request();\nwhile ($r->Accept() >= 0) { select(undef, undef, undef, 0.0005); print \"Content-Type: text/plain\\r\\n\\r\\n$$\" }\n")
	return &spawn.Pool{Path: perl, Args: []string{script}}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// pressure sends requests from several clients until it is stopped.
type pressure struct {
	done, lost atomic.Int64
	stopped    atomic.Bool
	clients    sync.WaitGroup
	mu         sync.Mutex
	last       error
}

// pressing clients send a request each pressPause. Without a pause they would occupy all
// processors, and delay the start of the workers that the test waits for.
const (
	pressing   = 4
	pressPause = 500 * time.Microsecond
)

func (p *pressure) start(c *fastcgi.Client, dir string) {
	for range pressing {
		p.clients.Go(func() {
			for !p.stopped.Load() {
				if err := p.send(c, dir); err != nil {
					p.lost.Add(1)
					p.mu.Lock()
					p.last = err
					p.mu.Unlock()
				}
				p.done.Add(1)
				time.Sleep(pressPause)
			}
		})
	}
}

func (p *pressure) send(c *fastcgi.Client, dir string) error {
	resp, err := c.RoundTrip(&gateway.Request{Environ: util.EnvironFromMap(map[string]string{
		"REQUEST_METHOD": "GET", "SCRIPT_FILENAME": filepath.Join(dir, "x.php"), "SCRIPT_NAME": "/x.php", "REDIRECT_STATUS": "200",
	})})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && strings.Trim(string(body), "0123456789") != "" {
		return errors.New("the response is " + string(body[:min(len(body), 200)]))
	}
	return err
}

func (p *pressure) stop() (done, lost int64, last error) {
	p.stopped.Store(true)
	p.clients.Wait()
	return p.done.Load(), p.lost.Load(), p.last
}

// more waits for n more requests.
func (p *pressure) more(t *testing.T, n int64) {
	t.Helper()
	before := p.done.Load()
	eventually(t, "more requests", func() bool { return p.done.Load() >= before+n })
}

// TestRealPrograms: no request is lost while processes end by themselves and while all are
// replaced, but those that a program closes in that moment; a killed process loses at most the one
// it has.
func TestRealPrograms(t *testing.T) {
	for _, program := range reals {
		t.Run(program.name, func(t *testing.T) {
			t.Parallel()
			dir := webserver.Dir(t)
			p := program.pool(t, dir)
			p.Min, p.Log = 3, slog.New(slog.DiscardHandler)
			r := start(t, p)
			c := client(t, r)
			load := new(pressure)
			load.start(c, dir)
			defer load.stop()
			load.more(t, 300)
			for n := range uint64(2) {
				p.Reload()
				eventually(t, "the reload", func() bool { s := p.Stats(); return s.Reloads == n+1 && s.Stopping == 0 })
				load.more(t, 100)
			}
			done, lost, last := load.stop()
			if lost > 0 && !program.loses || lost > 6 {
				t.Errorf("%d of %d requests are lost, the last by %.300v", lost, done, last)
			}
			if s := p.Stats(); s.Killed+s.Crashed != 0 || s.Started < 9 || program.name == "php-cgi" && s.Ended == 0 {
				t.Errorf("got %+v", s)
			}
			t.Logf("%d requests, %d lost, %+v", done, lost, p.Stats())
			killUnderLoad(t, p, c, dir)
		})
	}
}

// killUnderLoad kills a worker while it has a request.
func killUnderLoad(t *testing.T, p *spawn.Pool, c *fastcgi.Client, dir string) {
	load := new(pressure)
	load.start(c, dir)
	defer load.stop()
	load.more(t, 50)
	before := p.Stats()
	p.Signal(syscall.SIGKILL)
	eventually(t, "new workers", func() bool { s := p.Stats(); return s.Started >= before.Started+3 && s.Workers == 3 })
	load.more(t, 50)
	done, lost, last := load.stop()
	if lost > 3 {
		t.Errorf("three killed workers cost %d of %d requests, the last by %.300v", lost, done, last)
	}
	t.Logf("%d requests, %d lost with three workers", done, lost)
}
