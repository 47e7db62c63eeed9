package bench

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cgikit/cgikit/cmd/cgikit/internal/request"
	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/cmd/internal/target"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/scgi"
)

// app answers with the variable X, the query and the number of bytes of the body. The paths /500
// and /exit are answered with that status, and that appStatus.
func app(w gateway.ResponseWriter, r *gateway.Request) error {
	n, err := io.Copy(io.Discard, r.Stdin)
	if err != nil {
		return err
	}
	if r.Environ.Get("PATH_INFO") == "/500" {
		w.Start("500 Internal Server Error")
	}
	_, err = fmt.Fprintf(w, "X=%s query=%s body=%d", r.Environ.Get("X"), r.Environ.Get("QUERY_STRING"), n)
	return err
}

// serve serves an App by one protocol until the test ends, and returns the target.
func serve(t *testing.T, protocol string, app gateway.AppFunc) target.Target {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var s interface {
		Serve(net.Listener) error
		Close() error
	}
	switch protocol {
	case "fastcgi":
		s = &fastcgi.Server{App: app}
	case "scgi":
		s = &scgi.Server{App: app}
	default:
		s = &httpapp.Server{App: app}
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; !errors.Is(err, gateway.ErrServerClosed) {
			t.Error(err)
		}
	})
	return parse(t, protocol+"://"+l.Addr().String())
}

func parse(t *testing.T, name string) target.Target {
	t.Helper()
	parsed, err := target.Parse(name, "fastcgi", "scgi", "cgi", "http")
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// measure runs a Bench of 40 requests, after change, and returns its outputs.
func measure(t *testing.T, of target.Target, change func(*Bench)) (stdout string, err error) {
	t.Helper()
	var out bytes.Buffer
	b := &Bench{Conns: 4, Count: 40, Rounds: 1, RequestTimeout: time.Minute}
	b.Request = request.Request{Target: of, Streams: request.Streams{Stdin: strings.NewReader(""), Stdout: &out, Stderr: io.Discard}}
	if change != nil {
		change(b)
	}
	err = b.Run(t.Context())
	return out.String(), err
}

// measureData is measure with the result as it is written as JSON.
func measureData(t *testing.T, of target.Target, change func(*Bench)) (d Data, err error) {
	t.Helper()
	out, err := measure(t, of, func(b *Bench) {
		b.JSON = true
		if change != nil {
			change(b)
		}
	})
	if jsonErr := json.Unmarshal([]byte(out), &d); jsonErr != nil {
		t.Fatalf("%v, %v in %.300q", err, jsonErr, out)
	}
	return d, err
}

var protocols = []string{"fastcgi", "scgi", "http"}

// TestMeasure asks by each protocol, over kept connections and new ones.
func TestMeasure(t *testing.T) {
	for _, protocol := range protocols {
		for _, noKeep := range []bool{false, true} {
			t.Run(fmt.Sprint(protocol, " no keep ", noKeep), func(t *testing.T) {
				d, err := measureData(t, serve(t, protocol, app), func(b *Bench) { b.NoKeep = noKeep })
				if err != nil || d.OK != 40 || d.Failed != 0 || d.Statuses["200"] != 40 || d.PerSecond <= 0 || d.Latency.Max <= 0 {
					t.Errorf("%+v, %v", d, err)
				}
				kept := protocol != "scgi" && !noKeep
				if d.Kept != kept || kept && d.Connects != 4 || !kept && d.Connects != 40 {
					t.Errorf("kept %v, %d connections", d.Kept, d.Connects)
				}
			})
		}
	}
}

// TestMessage: what the flags of a request say arrives, by each protocol.
func TestMessage(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			var wrong atomic.Value
			of := serve(t, protocol, func(w gateway.ResponseWriter, r *gateway.Request) error {
				body, err := io.ReadAll(r.Stdin)
				e := r.Environ
				got := fmt.Sprint(e.Get("REQUEST_METHOD"), " ", e.Get("QUERY_STRING"), " ", e.Get("HTTP_X_Y"), " ", len(body), " ", e.Get("CONTENT_LENGTH"))
				if got != "POST a=b yes 200000 200000" {
					wrong.Store(got)
				}
				return errors.Join(err, app(w, r))
			})
			d, err := measureData(t, of, func(b *Bench) {
				b.Request.Path, b.Request.Fields = "/p?a=b", []string{"X-Y: yes"}
				b.Request.Data = []request.Datum{{Kind: request.Binary, Text: strings.Repeat("x", 200_000)}}
			})
			if err != nil || d.OK != 40 || wrong.Load() != nil {
				t.Errorf("%d right, errors %v, %v; the application got %v", d.OK, d.Errors, err, wrong.Load())
			}
		})
	}
}

// TestStreams: requests are under way at the same time on one connection. All but the first
// request, which is sent alone, wait for each other.
func TestStreams(t *testing.T) {
	var served, now atomic.Int64
	var once sync.Once
	three := make(chan struct{})
	of := serve(t, "fastcgi", func(w gateway.ResponseWriter, r *gateway.Request) error {
		if served.Add(1) == 1 {
			return app(w, r)
		}
		if now.Add(1) == 3 {
			once.Do(func() { close(three) })
		}
		defer now.Add(-1)
		select {
		case <-three:
		case <-r.Context().Done():
		}
		return app(w, r)
	})
	d, err := measureData(t, of, func(b *Bench) { b.Conns, b.Multiplex = 1, 3 })
	if err != nil || d.OK != 40 || d.Connects != 1 || d.Streams != 3 {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestWrongAnswers: they are counted as what they are, and fail the run.
func TestWrongAnswers(t *testing.T) {
	for _, protocol := range protocols {
		d, err := measureData(t, serve(t, protocol, app), func(b *Bench) { b.Request.Path = "/500" })
		if cli.Status(err) != cli.StatusFailure || d.OK != 0 || d.Errors["status 500"] != 40 || d.Statuses["500"] != 40 || d.PerSecond != 0 {
			t.Errorf("%s: %+v, %v", protocol, d, err)
		}
	}
}

// TestForms writes each form of output, and reads it.
func TestForms(t *testing.T) {
	dir := t.TempDir()
	of := serve(t, "fastcgi", app)
	name := func(s string) string { return filepath.Join(dir, s) }
	out, err := measure(t, of, func(b *Bench) {
		b.CSV, b.Save, b.HDR, b.Plot = true, name("a.json"), name("a.hdr"), name("a.svg")
	})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || len(rows) != 2 || rows[0][6] != "requests" || rows[1][6] != "40" {
		t.Errorf("%v, %v", rows, err)
	}
	if text, err := os.ReadFile(name("a.hdr")); err != nil || !strings.Contains(string(text), "#[Max     =") {
		t.Errorf("%.200s, %v", text, err)
	}
	wantCurves(t, name("a.svg"), 1)
	out, err = measure(t, target.Target{}, func(b *Bench) { b.From, b.Plot = []string{name("a.json"), name("a.json")}, name("b.svg") })
	if err != nil || strings.Count(out, "closed loop") != 2 {
		t.Errorf("%v\n%s", err, out)
	}
	wantCurves(t, name("b.svg"), 2)
}

// wantCurves checks that a file is XML with so many polylines of more than one point.
func wantCurves(t *testing.T, name string, want int) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for d := xml.NewDecoder(bytes.NewReader(text)); ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "polyline" {
			for _, a := range e.Attr {
				if a.Name.Local == "points" && strings.Count(a.Value, ",") > 1 {
					n++
				}
			}
		}
	}
	if n != want {
		t.Errorf("%s has %d curves; want %d", filepath.Base(name), n, want)
	}
}

// TestCompare: both targets answer in turn, and get the same body of standard input.
func TestCompare(t *testing.T) {
	var wrong atomic.Int64
	count := func(w gateway.ResponseWriter, r *gateway.Request) error {
		if n, err := io.Copy(io.Discard, r.Stdin); n != 5 || err != nil {
			wrong.Add(1)
		}
		_, err := io.WriteString(w, "ok")
		return err
	}
	a, b := serve(t, "fastcgi", count), serve(t, "scgi", count)
	out, err := measure(t, a, func(m *Bench) {
		m.Compare, m.Rounds, m.Span, m.Count = &b, 5, 100*time.Millisecond, 0
		m.Request.Stdin, m.Request.Data = strings.NewReader("hello"), []request.Datum{{Kind: request.Binary, Text: "@-"}}
	})
	if err != nil || wrong.Load() > 0 {
		t.Fatalf("%v, %d bodies were wrong\n%s", err, wrong.Load(), out)
	}
	for _, want := range []string{"round 5 ", a.Name + "/   ", b.Name + "/   ", " in 5 rounds\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestSweep(t *testing.T) {
	out, err := measure(t, serve(t, "fastcgi", app), func(b *Bench) { b.Sweep = "c=1,2,4" })
	if err != nil || !strings.Contains(out, "knee") || strings.Count(out, "\n") != 6 {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestFirstRequestFails: a target that cannot be measured is told at once, with a hint.
func TestFirstRequestFails(t *testing.T) {
	t.Parallel()
	silent := listen(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	endless := listen(t, func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\nhello")
		io.Copy(io.Discard, c)
	})
	short := listen(t, func(c net.Conn) {
		c.Read(make([]byte, 4096))
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello")
	})
	for name, c := range map[string]struct{ text, hint string }{
		"fastcgi+unix:" + filepath.Join(t.TempDir(), "none"):    {"no such file or directory", "no such socket"},
		"fastcgi://" + silent:                                   {"had no answer within", "accepts connections and does not answer"},
		"http://" + endless:                                     {"no ", ""},
		"http://" + short:                                       {"body shorter than its Content-Length", "cgikit request -v"},
		"http" + serve(t, "fastcgi", app).Name[len("fastcgi"):]: {"the first request failed", "FastCGI is spoken"},
		"http" + serve(t, "scgi", app).Name[len("scgi"):]:       {"the first request failed", "SCGI is spoken"},
		"fastcgi" + serve(t, "scgi", app).Name[len("scgi"):]:    {"the first request failed", "SCGI is spoken"},
		"scgi" + serve(t, "fastcgi", app).Name[len("fastcgi"):]: {"the first request failed", "FastCGI is spoken"},
		"fastcgi" + serve(t, "http", app).Name[len("http"):]:    {"the first request", "HTTP is spoken"},
		"scgi" + serve(t, "http", app).Name[len("http"):]:       {"the first ", "HTTP is spoken"},
	} {
		if strings.HasSuffix(name, "none") && runtime.GOOS == "windows" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most wait for a timeout
			out, err := measure(t, parse(t, name), func(b *Bench) { b.RequestTimeout = 2 * time.Second })
			if cli.Status(err) != cli.StatusFailure || out != "" || !strings.Contains(err.Error(), c.text) || !strings.Contains(cli.Hint(err), c.hint) {
				t.Errorf("%v, hint %q, wrote %q; want %q, %q", err, cli.Hint(err), out, c.text, c.hint)
			}
		})
	}
}

// listen serves each connection by handle until the test ends, and returns the address.
func listen(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				handle(c)
			}()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

// TestInterrupted: what there is is written.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var served atomic.Int64
	of := serve(t, "fastcgi", func(w gateway.ResponseWriter, r *gateway.Request) error {
		if served.Add(1) == 20 {
			cancel()
		}
		return app(w, r)
	})
	var out bytes.Buffer
	b := &Bench{Conns: 2, Span: time.Hour, Rounds: 1, RequestTimeout: time.Minute}
	b.Request = request.Request{Target: of, Streams: request.Streams{Stdout: &out, Stderr: io.Discard}}
	if err := b.Run(ctx); !errors.Is(err, context.Canceled) || !strings.Contains(out.String(), "requests   ") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// TestNothingIsLeft: a file is not made, and one that exists not changed, where nothing is
// measured.
func TestNothingIsLeft(t *testing.T) {
	dir := t.TempDir()
	old, made := filepath.Join(dir, "old"), filepath.Join(dir, "made")
	if err := os.WriteFile(old, []byte("before"), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	_, err = measure(t, parse(t, "fastcgi://"+l.Addr().String()), func(b *Bench) { b.Save, b.Plot = old, made })
	if cli.Status(err) != cli.StatusFailure {
		t.Error(err)
	}
	if text, err := os.ReadFile(old); string(text) != "before" || err != nil {
		t.Errorf("the old file has %q, %v", text, err)
	}
	if _, err := os.Stat(made); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was left: %v", err)
	}
}

// TestUsage: each mistake is told before anything is sent.
func TestUsage(t *testing.T) {
	of, other := parse(t, "fastcgi://127.0.0.1:1"), parse(t, "scgi://127.0.0.1:1")
	for name, change := range map[string]func(*Bench){
		"no connections": func(b *Bench) { b.Conns = 0 }, "no end": func(b *Bench) { b.Count = 0 }, "negative": func(b *Bench) { b.Rate = -1 },
		"streams of scgi": func(b *Bench) { b.Request.Target, b.Multiplex = other, 2 }, "streams not kept": func(b *Bench) { b.Multiplex, b.NoKeep = 2, true },
		"two modes": func(b *Bench) { b.Compare, b.Sweep, b.Span = &other, "c=1,2", time.Second }, "compare without time": func(b *Bench) { b.Compare = &other },
		"condition": func(b *Bench) { b.FailIf = []string{"p99"} }, "no target": func(b *Bench) { b.Request.Target = target.Target{} },
		"two forms": func(b *Bench) { b.JSON, b.CSV = true, true }, "file": func(b *Bench) { b.Plot = filepath.Join(t.TempDir(), "a", "b") },
		"from": func(b *Bench) { b.From = []string{filepath.Join(t.TempDir(), "none")} }, "body": func(b *Bench) { b.Request.Data = []request.Datum{{Text: "@/nonexistent"}} },
		"variable": func(b *Bench) { b.Request.Env = []string{"bad"} }, "no timeout": func(b *Bench) { b.RequestTimeout = 0 },
	} {
		if out, err := measure(t, of, change); cli.Status(err) != cli.StatusUsage || out != "" {
			t.Errorf("%s: %v, wrote %q", name, err, out)
		}
	}
}
