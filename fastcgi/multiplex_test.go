package fastcgi_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
)

// TestManyInterleaved has as many requests as a connection may have, their records shuffled
// together, and their responses in the opposite order (F32).
func TestManyInterleaved(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		const requests = 128
		turn := make([]chan struct{}, requests+1)
		for i := range turn {
			turn[i] = make(chan struct{})
		}
		srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
			var id int
			fmt.Sscan(r.Environ.Get("ID"), &id)
			got, err := io.ReadAll(r.Stdin)
			<-turn[id]
			fmt.Fprintf(w, "%d %s", id, got)
			return err
		})
		var text strings.Builder
		streams := []func(id uint16) string{
			func(id uint16) string { return begin(id, responder, keepConn) },
			func(id uint16) string { return rec(typeParams, id, required+pairs("ID", fmt.Sprint(id))[:3]) },
			func(id uint16) string { return rec(typeParams, id, pairs("ID", fmt.Sprint(id))[3:]) },
			func(id uint16) string { return rec(typeParams, id, "") },
			func(id uint16) string { return rec(typeStdin, id, fmt.Sprint("body of ", id)) },
			func(id uint16) string { return rec(typeStdin, id, "") },
		}
		for _, part := range streams {
			for id := uint16(1); id <= requests; id++ {
				text.WriteString(part(id))
			}
		}
		c := dial(t, srv.addr)
		go io.WriteString(c, text.String())
		for id := uint16(requests); id > 0; id-- {
			close(turn[id])
			if got, want := body(c.whole(id)), fmt.Sprintf("%d body of %[1]d", id); got != want {
				t.Errorf("got %q; want %q", got, want)
			}
		}
	})
}

// bodyApp reads its body when it may, and answers with it, or with why there is none. Requests for
// another path are answered at once.
func bodyApp(read <-chan struct{}) gateway.AppFunc {
	return func(w gateway.ResponseWriter, r *gateway.Request) error {
		if r.Environ.Get("REQUEST_URI") != "/slow" {
			return hello(w, r)
		}
		<-read
		got, err := io.ReadAll(r.Stdin)
		if err != nil {
			return err
		}
		_, err = w.Write(got)
		return err
	}
}

// bodyText is a body of n bytes that tells its parts apart, and the records that it comes in.
func bodyText(id uint16, n int) (text, records string) {
	text = pattern(0, n)
	for rest := text; rest != ""; {
		k := min(len(rest), 50_001)
		records += rec(typeStdin, id, rest[:k])
		rest = rest[k:]
	}
	return text, records + rec(typeStdin, id, "")
}

// TestBodyAloneStopsBeingRead: what an App leaves unread of the only request stays in the web
// server.
func TestBodyAloneStopsBeingRead(t *testing.T) {
	t.Parallel()
	bothEngines(t, func(t *testing.T) {
		t.Parallel()
		const size, most = 8 << 20, 2 << 20 // most: 256 KiB, and what the system holds
		read := make(chan struct{})
		srv := start(t, &fastcgi.Server{App: bodyApp(read)})
		c := dial(t, srv.addr)
		want, records := bodyText(1, size)
		text := head(1, keepConn, "REQUEST_URI", "/slow") + records
		c.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
		n, err := io.WriteString(c, text)
		if !errors.Is(err, os.ErrDeadlineExceeded) || n > most {
			t.Errorf("wrote %d bytes, %v; want at most %d while nobody reads", n, err, most)
		}
		close(read)
		c.SetDeadline(time.Now().Add(patience))
		go io.WriteString(c, text[n:])
		if got := body(c.whole(1)); got != want {
			t.Errorf("got %d bytes, which are not those that were sent", len(got))
		}
	})
}

// spilled returns the temporary files that this process has open, where the system tells, and
// checks that none has a name.
func spilled(t *testing.T, tmp string) int {
	t.Helper()
	if names, err := os.ReadDir(tmp); len(names) > 0 || err != nil {
		t.Errorf("the folder for temporary files has %v, %v; want nothing to be seen", names, err)
	}
	links, _ := filepath.Glob("/proc/self/fd/*")
	n := 0
	for _, link := range links {
		if name, _ := os.Readlink(link); strings.HasPrefix(name, tmp) {
			n++
		}
	}
	return n
}

// TestBodyAmongOthersIsKept: with other requests on the connection, an unread body goes to a file
// and delays none of them.
func TestBodyAmongOthersIsKept(t *testing.T) {
	tmp := t.TempDir()
	read := make(chan struct{})
	srv := start(t, &fastcgi.Server{App: bodyApp(read)})
	t.Setenv("TMPDIR", tmp)
	c := dial(t, srv.addr)
	const slow, size = 8, 4 << 20
	want, _ := bodyText(1, size)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	text := ""
	for id := uint16(1); id <= slow; id++ {
		text += head(id, keepConn, "REQUEST_URI", "/slow")
	}
	c.send(text)
	for id := uint16(1); id <= slow; id++ {
		_, records := bodyText(id, size)
		c.send(records)
	}
	if got := body(c.send(get(100, keepConn, "/fast")).whole(100)); got != "hello /fast" {
		t.Errorf("a request beside them got %q", got)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	// 256 KiB each, in a buffer that doubles
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > slow*(1<<20) {
		t.Errorf("%d bodies of %d bytes hold %d bytes of memory", slow, size, grown)
	}
	if n := spilled(t, tmp); runtime.GOOS == "linux" && n != slow {
		t.Errorf("%d temporary files are open; want %d", n, slow)
	}
	c.send(rec(typeAbort, slow, "")).whole(slow)
	close(read)
	answers := make(map[uint16]*bytes.Buffer)
	for ended := 1; ended < slow; {
		r := c.next()
		if answers[r.id] == nil {
			answers[r.id] = new(bytes.Buffer)
		}
		if r.kind == typeStdout {
			answers[r.id].WriteString(r.content)
		} else if ended++; body(answers[r.id].String()) != want {
			t.Errorf("request %d got %d bytes, which are not those that were sent", r.id, answers[r.id].Len())
		}
	}
	waitUntil(t, "the end of the aborted request", func() bool { return srv.CurrentRequests() == 0 })
	if n := spilled(t, tmp); n != 0 {
		t.Errorf("%d temporary files are left open", n)
	}
}

// TestBodyThatCannotBeKept costs that request alone: beyond MaxBodyBytes it gets 413, and without a
// place for its file 503.
func TestBodyThatCannotBeKept(t *testing.T) {
	for _, c := range []struct {
		name, tmp string
		max       int64
		want      string
	}{
		{"beyond MaxBodyBytes", "", 1 << 20, "Status: 413 "},
		{"no folder", "none", 0, "Status: 503 "},
	} {
		t.Run(c.name, func(t *testing.T) {
			read := make(chan struct{})
			srv := start(t, &fastcgi.Server{App: bodyApp(read), MaxBodyBytes: c.max})
			t.Setenv("TMPDIR", filepath.Join(t.TempDir(), c.tmp))
			conn := dial(t, srv.addr)
			text, small := bodyText(2, 1000)
			_, large := bodyText(1, 3<<20)
			conn.send(head(1, keepConn, "REQUEST_URI", "/slow"), head(2, keepConn, "REQUEST_URI", "/slow"), large, small)
			if got := body(conn.send(get(3, keepConn, "/fast")).whole(3)); got != "hello /fast" {
				t.Errorf("a request beside it got %q", got)
			}
			close(read)
			all := conn.answers(2)
			if !strings.HasPrefix(all[1].stdout, c.want) || body(all[2].stdout) != text {
				t.Errorf("got %.60q and %.60q; want %q, and the other's body", all[1].stdout, all[2].stdout, c.want)
			}
			if c.max == 0 && !strings.Contains(all[1].stderr, "hold the request body") {
				t.Errorf("STDERR has %q; want the reason", all[1].stderr)
			}
			if got := body(conn.send(get(1, keepConn, "/next")).whole(1)); got != "hello /next" {
				t.Errorf("the next request got %q", got)
			}
		})
	}
}

// TestDisconnectWhileNobodyReads: a disconnect is noticed even while the connection is not read
// (F18). The bytes before it can still be read.
func TestDisconnectWhileNobodyReads(t *testing.T) {
	ended, got := make(chan struct{}), make(chan string, 1)
	srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
		<-r.Context().Done()
		close(ended)
		n, err := io.Copy(io.Discard, r.Stdin)
		got <- fmt.Sprint(n >= 256<<10, errors.Is(err, io.ErrUnexpectedEOF))
		return err
	})
	c := dial(t, srv.addr)
	go func() {
		io.WriteString(c.Conn, head(1, keepConn)+manyRecords(1, 300_000))
		c.Close()
	}()
	wait(t, ended, "the end of the context")
	if got, want := wait(t, got, "the App"), "true true"; got != want {
		t.Errorf("all that came was read, and then an io.ErrUnexpectedEOF: %s; want %s", got, want)
	}
}

// TestReadUnderWayWhenTheAppReturns: a goroutine of the App still reads the body. Its Read fails,
// and does not affect the next request.
func TestReadUnderWayWhenTheAppReturns(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		failed := make(chan error, 1)
		srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
			if r.Environ.Get("REQUEST_URI") == "/first" {
				reading := make(chan struct{})
				go func() {
					r.Stdin.Read(make([]byte, 1))
					close(reading)
					_, err := r.Stdin.Read(make([]byte, 1))
					failed <- err
				}()
				<-reading
			}
			return hello(w, r)
		})
		c := dial(t, srv.addr).send(head(1, keepConn, "REQUEST_URI", "/first"), rec(typeStdin, 1, "x"))
		if got := body(c.whole(1)); got != "hello /first" {
			t.Errorf("got %q", got)
		}
		if err := wait(t, failed, "the Read"); !errors.Is(err, gateway.ErrFinished) {
			t.Errorf("the Read under way gave %v; want ErrFinished", err)
		}
		if got := body(c.send(rec(typeStdin, 1, "late"), get(1, keepConn, "/next")).whole(1)); got != "hello /next" {
			t.Errorf("the next request got %q", got)
		}
	})
}

// TestLargeStderr comes before the head and between pieces of the body (F25).
func TestLargeStderr(t *testing.T) {
	log, chunk := strings.Repeat("log line\n", 120_000), strings.Repeat("chunk", 20_000)
	srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
		var errs []error
		write := func(w io.Writer, text string) {
			_, err := io.WriteString(w, text)
			errs = append(errs, err)
		}
		write(r.Stderr, log)
		write(w, chunk)
		write(r.Stderr, log)
		errs = append(errs, w.Flush())
		write(w, chunk)
		write(r.Stderr, "end")
		return errors.Join(errs...)
	})
	a := dial(t, srv.addr).send(get(1, 0, "/")).answers(1)[1]
	if a.stderr != log+log+"end" || body(a.stdout) != chunk+chunk || !a.stderrEnded || !a.stdoutEnded {
		t.Errorf("got %d bytes of STDERR and %d of STDOUT; want %d and %d", len(a.stderr), len(body(a.stdout)), 2*len(log)+3, 2*len(chunk))
	}
}

// TestLargeParams come in several of the largest records, which cut pairs and their lengths (F2,
// F6, F44).
func TestLargeParams(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := startApp(t, echo)
		var list []string
		want := ""
		for i := range 700 {
			name, value := fmt.Sprint("N", i), strings.Repeat("v", 200+i%100)
			list, want = append(list, name, value), want+name+"="+value+"\n"
		}
		text := begin(1, responder, 0) + rec(typeParams, 1, required)
		for rest := pairs(list...); rest != ""; {
			n := min(len(rest), 65535)
			text += padded(typeParams, 1, rest[:n], strings.Repeat("p", 255))
			rest = rest[n:]
		}
		c := dial(t, srv.addr)
		go io.WriteString(c, text+rec(typeParams, 1, "")+rec(typeStdin, 1, ""))
		if got := body(c.whole(1)); got != want {
			t.Errorf("got %d bytes; want the %d of all variables", len(got), len(want))
		}
	})
}
