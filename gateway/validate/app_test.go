package validate_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/validate"
	"github.com/cgikit/cgikit/util"
)

var quiet = slog.New(slog.DiscardHandler)

// plainLog is a Log whose records are lines of level, rule and request.
func plainLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.LevelKey, "rule", "side", "value", "request":
			return a
		}
		return slog.Attr{}
	}}))
}

// warned is a scene with a warning. failing is one with an error that is not the App's fault. late
// is one with an error after the App has returned.
var (
	warned  = scene{gateway: del("QUERY_STRING")}
	failing = scene{gateway: set("SERVER_PORT", "x")}
	late    = func() scene { return keepsWriter(true) }
)

// TestOptions: where each violation is reported.
func TestOptions(t *testing.T) {
	const warning = "level=WARN rule=environ.query-string-missing side=gateway value=\"\" request=\"GET /app/hello?a=1&b=2\"\n"
	const lateError = "level=ERROR rule=response.after-return side=app value=Write request=\"GET /app/hello?a=1&b=2\"\n"
	const fault = "level=ERROR rule=environ.server-port side=gateway value=x request=\"GET /app/hello?a=1&b=2\"\n"
	var log bytes.Buffer
	reported := 0
	report := func(*validate.Violation) { reported++ }
	tests := []struct {
		name     string
		scene    scene
		opts     *validate.Options
		log      string
		stderr   string // what it begins with
		reported int
		fails    bool
	}{
		{"warning without options", warned, nil, "", `"GET /app/hello?a=1&b=2": validate: environ.query-string-missing: got ""`, 0, false},
		{"warning with Log", warned, &validate.Options{Log: plainLog(&log)}, warning, "", 0, false},
		{"warning with Report", warned, &validate.Options{Report: report}, "", "", 1, false},
		{"warning with both", warned, &validate.Options{Log: plainLog(&log), Report: report}, warning, "", 1, false},
		{"error without options", failing, nil, "", `"GET" "/app/hello?a=1&b=2": validate: environ.server-port: got "x"`, 0, true},
		{"error with Log is the gateway's to log", failing, &validate.Options{Log: plainLog(&log)}, "", `"GET" "/app`, 0, true},
		{"error with Report", failing, &validate.Options{Report: report}, "", `"GET" "/app`, 1, true},
		{"error let pass with Log", failing, &validate.Options{Log: plainLog(&log), KeepGoing: true}, fault, "", 0, false},
		{"error let pass", failing, &validate.Options{KeepGoing: true}, "", `"GET /app`, 0, false},
		{"late error without options", late(), nil, "", `"GET /app/hello?a=1&b=2": validate: response.after-return`, 0, false},
		{"late error with Log", late(), &validate.Options{Log: plainLog(&log)}, lateError, "", 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			log.Reset()
			reported = 0
			out, stderr, err := test.scene.run(test.opts)
			if got := log.String(); got != test.log {
				t.Errorf("log: got %q; want %q", got, test.log)
			}
			if !strings.HasPrefix(stderr, test.stderr) || test.stderr == "" && stderr != "" {
				t.Errorf("error stream: got %q; want it to begin with %q", stderr, test.stderr)
			}
			if reported != test.reported {
				t.Errorf("got %d reports; want %d", reported, test.reported)
			}
			if got := strings.HasPrefix(out, "Status: 500 "); got != test.fails || err != nil {
				t.Errorf("got %q, %v; want a failure: %v", out, err, test.fails)
			}
		})
	}
}

func TestNewRefusesNil(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a nil App was taken")
		}
	}()
	validate.New(nil, nil)
}

// TestFailureSticks: the response of an App that ignores the violation is not sent.
func TestFailureSticks(t *testing.T) {
	var errs []error
	o := scene{body: "abc", app: func(w gateway.ResponseWriter, r *gateway.Request) error {
		failure := w.Start("bad")
		note := func(_ any, err error) { errs = append(errs, err) }
		note(nil, w.Start("200 OK"))
		note(w.Write([]byte("secret")))
		note(io.WriteString(w, "secret"))
		note(w.(io.ReaderFrom).ReadFrom(strings.NewReader("secret")))
		note(nil, w.Flush())
		note(r.Stdin.Read(make([]byte, 1)))
		for _, err := range errs {
			if err == nil || err != failure {
				t.Errorf("got %v; want %v", err, failure)
			}
		}
		return nil
	}}.play(false)
	if v := (*validate.Violation)(nil); len(errs) != 6 || !errors.As(errs[0], &v) || v.Rule.ID != "response.status" {
		t.Errorf("got %v; want the violation 6 times", errs)
	}
	if !strings.HasPrefix(o.out, "Status: 500 ") || strings.Contains(o.out, "secret") || len(o.violations) != 1 {
		t.Errorf("got %q and %v; want the error page and one violation", o.out, o.violations)
	}
}

// TestErrorsAreTheApps: errors and panics of an App reach the gateway.
func TestErrorsAreTheApps(t *testing.T) {
	err := validate.New(gateway.AppFunc(func(gateway.ResponseWriter, *gateway.Request) error { return gateway.ErrAbort }),
		&validate.Options{KeepGoing: true, Log: quiet}).ServeGateway(nil, &gateway.Request{Environ: util.NewEnviron()})
	if err != gateway.ErrAbort {
		t.Errorf("got %v; want ErrAbort", err)
	}
	o := scene{app: func(gateway.ResponseWriter, *gateway.Request) error { panic("on purpose") }}.play(false)
	if !strings.Contains(o.log, "panic: on purpose") || len(o.violations) > 0 {
		t.Errorf("got %q and %v; want the panic and no violation", o.log, o.violations)
	}
}

// TestFieldsMayChange: fields may break a rule until the head is committed.
func TestFieldsMayChange(t *testing.T) {
	o := scene{app: func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Set("Connection", "close")
		w.Headers().Set("Content-Length", "4096")
		w.Start("204 No Content")
		io.WriteString(w, large[:4096])
		w.Start("200 OK")
		w.Headers().Del("Connection")
		w.Headers().Set("Content-Type", "text/plain")
		return nil
	}}.play(false)
	if len(o.violations) > 0 || !strings.HasSuffix(o.out, "\r\n\r\n"+large[:4096]) {
		t.Errorf("got %v, %.100q", o.violations, o.out)
	}
}

// TestLengthMismatch: every way to send another length than the declared one.
func TestLengthMismatch(t *testing.T) {
	file := tempFile(t, large)
	tests := []struct {
		name, method, declared string
		write                  func(w gateway.ResponseWriter)
		value                  string // "" for no violation
	}{
		{"exact", "GET", "3", func(w gateway.ResponseWriter) { io.WriteString(w, "abc") }, ""},
		{"more in one write", "GET", "2", func(w gateway.ResponseWriter) { io.WriteString(w, "abc") }, "more than the declared 2"},
		{"more later", "GET", "5000", func(w gateway.ResponseWriter) { w.Write([]byte(large[:5000])); w.Write([]byte("x")) }, "more than the declared 5000"},
		{"more copied", "GET", "9999", func(w gateway.ResponseWriter) { io.Copy(w, onlyReader{strings.NewReader(large)}) }, "more than the declared 9999"},
		{"less", "GET", "4", func(w gateway.ResponseWriter) { io.WriteString(w, "abc") }, "3 of the declared 4"},
		{"less flushed", "GET", "4", func(w gateway.ResponseWriter) { io.WriteString(w, "abc"); w.Flush() }, "3 of the declared 4"},
		{"a whole file", "GET", "10000", func(w gateway.ResponseWriter) { copyFile(w, file) }, ""},
		{"more of a file", "GET", "9999", func(w gateway.ResponseWriter) { copyFile(w, file) }, "more than the declared 9999"},
		{"less of a file", "GET", "10001", func(w gateway.ResponseWriter) { copyFile(w, file) }, "10000 of the declared 10001"},
		{"a file behind bytes", "GET", "10001", func(w gateway.ResponseWriter) { io.WriteString(w, "x"); copyFile(w, file) }, ""},
		{"HEAD without body", "HEAD", "4", func(w gateway.ResponseWriter) {}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := scene{method: test.method, app: func(w gateway.ResponseWriter, r *gateway.Request) error {
				w.Headers().Set("Content-Type", "text/plain")
				w.Headers().Set("Content-Length", test.declared)
				w.Start("200 OK")
				test.write(w)
				return nil
			}}.play(false)
			got := ""
			for _, v := range o.violations {
				got += v.Rule.ID + " " + v.Value
			}
			if test.value != "" {
				test.value = "response.length-mismatch " + test.value
			}
			if got != test.value {
				t.Errorf("got %q; want %q", got, test.value)
			}
			if broken := errors.Is(o.err, gateway.ErrBroken) || strings.HasPrefix(o.out, "Status: 500 "); broken != (test.value != "") {
				t.Errorf("got %v, %.60q; want a failure: %v", o.err, o.out, test.value != "")
			}
		})
	}
}

// onlyReader hides WriteTo.
type onlyReader struct{ io.Reader }

func tempFile(t *testing.T, text string) string {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

func copyFile(w io.Writer, name string) (int64, error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return io.Copy(w, f)
}

// sender is a Stdout that sends files, as that of every transport.
type sender struct {
	bytes.Buffer
	files, flushes int
}

func (s *sender) SendFile(f gateway.File, n int64) (int64, error) {
	s.files++
	if n < 0 {
		return io.Copy(&s.Buffer, f)
	}
	return io.CopyN(&s.Buffer, f, n)
}

func (s *sender) Flush() error {
	s.flushes++
	return nil
}

// TestTheTransportsWaysStay: the transport still gets files as files, bare, limited and wrapped,
// and Flush flushes.
func TestTheTransportsWaysStay(t *testing.T) {
	name := tempFile(t, large)
	sources := map[string]func(f *os.File) io.Reader{
		"file":         func(f *os.File) io.Reader { return f },
		"limited file": func(f *os.File) io.Reader { return io.LimitReader(f, 10000) },
		"file wrapper": func(f *os.File) io.Reader { return io.LimitReader(util.NewFileWrapper(f, 0), 10000) },
	}
	for what, source := range sources {
		t.Run(what, func(t *testing.T) {
			var out sender
			h := gateway.BaseCGIHandler{Environ: environ(nginx...), Stdout: &out, Stderr: io.Discard}
			err := h.Run(t.Context(), validate.New(gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
				w.Headers().Set("Content-Type", "text/plain")
				w.Start("200 OK")
				if err := w.Flush(); err != nil {
					return err
				}
				f, err := os.Open(name)
				if err != nil {
					return err
				}
				defer f.Close()
				_, err = io.Copy(w, source(f))
				return err
			}), nil))
			if err != nil || out.files != 1 || out.flushes != 1 || !strings.HasSuffix(out.String(), "\r\n\r\n"+large) {
				t.Errorf("got %v, %d files, %d flushes, %.100q", err, out.files, out.flushes, out.String())
			}
		})
	}
}

// bare is a ResponseWriter with only the methods of the interface, as another gateway may have.
type bare struct{ gateway.ResponseWriter }

func TestBareWriter(t *testing.T) {
	name := tempFile(t, large)
	o := scene{
		writer: func(w gateway.ResponseWriter) gateway.ResponseWriter { return bare{w} },
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			w.Headers().Set("Content-Type", "text/plain")
			w.Start("200 OK")
			if _, err := io.WriteString(w, "text "); err != nil {
				return err
			}
			_, err := copyFile(w, name)
			return err
		},
	}.play(false)
	if len(o.violations) > 0 || !strings.HasSuffix(o.out, "\r\n\r\ntext "+large) {
		t.Errorf("got %v, %.100q", o.violations, o.out)
	}
}

// TestFileThatBreaksARule: fields are checked before the file commits the head.
func TestFileThatBreaksARule(t *testing.T) {
	name := tempFile(t, large)
	o := scene{app: func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Set("Connection", "close")
		w.Headers().Set("Content-Type", "text/plain")
		w.Start("200 OK")
		_, err := copyFile(w, name)
		return err
	}}.play(false)
	if !strings.HasPrefix(o.out, "Status: 500 ") || !strings.Contains(o.violations[0].Where, "copyFile (app_test.go:") {
		t.Errorf("got %.60q, %v; want the error page and the call", o.out, o.violations)
	}
}

// TestFlushThatBreaksARule: fields are checked before Flush commits the head.
func TestFlushThatBreaksARule(t *testing.T) {
	o := scene{app: func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Set("Connection", "close")
		w.Start("200 OK")
		return w.Flush()
	}}.play(false)
	if !strings.HasPrefix(o.out, "Status: 500 ") || len(o.violations) != 1 {
		t.Errorf("got %.60q, %v; want the error page", o.out, o.violations)
	}
}

// TestBodyBehindFlush: if a Flush precedes the body, a rule about bodies can only break the
// response.
func TestBodyBehindFlush(t *testing.T) {
	for status, want := range map[string]string{"200 OK": "response.content-type", "304 Not Modified": "response.body-not-allowed"} {
		var err error
		o := scene{app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			w.Start(status)
			w.Flush()
			_, err = w.Write([]byte("x"))
			return nil
		}}.play(false)
		if err == nil || !errors.Is(o.err, gateway.ErrBroken) || strings.Join(o.ids(), " ") != want {
			t.Errorf("%s: got %v, %v, %v; want a broken response for %s", status, err, o.err, o.violations, want)
		}
	}
}

// TestOnly: each scene is near several rules and breaks only the listed ones.
func TestOnly(t *testing.T) {
	file := tempFile(t, large)
	tests := []struct {
		name  string
		scene scene
		want  string
	}{
		{"server-side include", scene{gateway: all(set("SERVER_PROTOCOL", "INCLUDED"), set("REQUEST_URI", "/page.shtml"))}, ""},
		{"stock nginx, SCGI", scene{gateway: all(del("SCRIPT_NAME"), del("PATH_INFO"))}, "environ.path-info-missing environ.script-name-missing"},
		{"interim status and body", scene{app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			w.Headers().Set("Content-Type", "text/plain")
			w.Start("100 Continue")
			w.Write([]byte("x"))
			return nil
		}}, "response.interim response.start-missing"},
		{"204 with entity fields, flushed", scene{app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			w.Headers().Set("Content-Type", "text/plain")
			w.Start("204 No Content")
			return w.Flush()
		}}, "response.entity-field"},
		{"204 with a length and more", scene{app: respond("204 No Content", "ab", "Content-Length", "1")}, "response.body-not-allowed response.entity-field"},
		{"copy of nothing", scene{app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			_, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader(""))
			return err
		}}, "response.start-missing"},
		{"HEAD with body and no type", scene{method: "HEAD", app: respond("200 OK", "x")}, "response.head-body"},
		{"two lengths", scene{app: respond("200 OK", "x", "Content-Type", "a/b", "Content-Length", "1", "Content-Length", "2")}, "response.content-length"},
		{"empty read at the end", scene{app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			io.ReadAll(r.Stdin)
			r.Stdin.Read(nil)
			return hello(w, r)
		}}, ""},
		{"read behind an empty one", scene{app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			io.ReadAll(r.Stdin)
			r.Stdin.Read(nil)
			r.Stdin.Read(make([]byte, 1))
			return hello(w, r)
		}}, "stdin.past-end"},
		{"Stderr that counts too much", scene{gateway: stderr(func(p []byte) (int, error) { return len(p) + 1, nil }), app: complain}, "stderr.count"},
		{"Stderr that counts backwards", scene{gateway: stderr(func(p []byte) (int, error) { return -1, io.EOF }), app: complain}, "stderr.count"},
		{"file without type", scene{app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			w.Start("200 OK")
			if _, err := copyFile(w, file); err != nil {
				t.Errorf("got %v where errors are let pass", err)
			}
			return nil
		}}, "response.content-type"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if o := test.scene.play(true); strings.Join(o.ids(), " ") != test.want {
				t.Errorf("got %v; want %q", o.violations, test.want)
			}
		})
	}
}

// TestCallsReturnTheViolation: a call returns the violation that it or an earlier call has caused.
func TestCallsReturnTheViolation(t *testing.T) {
	name := tempFile(t, large)
	var got error
	note := func(_ any, err error) { got = err }
	tests := map[string]scene{
		"response.content-type": {app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			w.Start("200 OK")
			note(copyFile(w, name))
			return nil
		}},
		"stdin.long": {gateway: stdin("0", readFunc(endless)), app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			note(r.Stdin.Read(make([]byte, 1)))
			return hello(w, r)
		}},
	}
	for rule, s := range tests {
		got = nil
		s.play(false)
		if v := (*validate.Violation)(nil); !errors.As(got, &v) || v.Rule.ID != rule {
			t.Errorf("%s: got %v", rule, got)
		}
	}
}
