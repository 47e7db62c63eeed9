package nethttp

import (
	"errors"
	"io"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
)

// dated is the field that net/http/fcgi adds.
var dated = regexp.MustCompile(`Date: [^\r]*\r\n`)

// TestHead is the head as net/http/fcgi writes it: the fields sorted by name, in the App's
// spelling.
func TestHead(t *testing.T) {
	for _, test := range []struct {
		name, status string
		fields       []string
		want         string
	}{
		{"order, spelling and reason", "404 Gone Fishing", []string{"x-b", "1", "X-A", "2", "x-b", "3"},
			"Status: 404 Not Found\r\nContent-Length: 4\r\n(date)X-A: 2\r\nx-b: 1\r\nx-b: 3\r\n\r\nbody"},
		{"no reason is known", "299 Fine", nil, "Status: 299 \r\nContent-Length: 4\r\n(date)\r\nbody"},
		{"type", "200 OK", []string{"content-type", "text/x"}, "Status: 200 OK\r\nContent-Length: 4\r\nContent-Type: text/x\r\n(date)\r\nbody"},
		{"the App's date", "200 OK", []string{"date", "today"}, "Status: 200 OK\r\nContent-Length: 4\r\n(date)\r\nbody"},
		{"no body", "304 Not Modified", []string{"ETag", `"x"`}, "Status: 304 Not Modified\r\n(date)ETag: \"x\"\r\n\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, &Server{App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
				for i := 0; i < len(test.fields); i += 2 {
					w.Headers().Add(test.fields[i], test.fields[i+1])
				}
				w.Start(test.status)
				_, err := io.WriteString(w, "body")
				return err
			})})
			answer := s.dial().send(get(1)).answer()
			if got := dated.ReplaceAllString(answer, "(date)"); got != test.want {
				t.Errorf("got %q; want %q", got, test.want)
			}
			if strings.Contains(test.name, "date") != strings.Contains(answer, "Date: today") {
				t.Errorf("got %q; want the date of the App, where it has one", answer)
			}
		})
	}
}

// TestErrorStream: there is no FCGI_STDERR. Text that the App writes there goes to the process's
// standard error, and why it failed to ErrorLog.
func TestErrorStream(t *testing.T) {
	got := make(chan io.Writer, 1)
	s := start(t, &Server{App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		got <- r.Stderr
		panic("oops")
	})})
	c := s.dial().send(get(1, "REQUEST_URI", "/x"))
	for r := c.next(); !strings.HasPrefix(r, "3 "); r = c.next() {
		if strings.HasPrefix(r, "7 ") {
			t.Errorf("got the record %q; want no STDERR", r)
		}
	}
	if w := <-got; w != os.Stderr {
		t.Errorf("Stderr is %T", w)
	}
	if log := s.log.String(); !strings.Contains(log, "oops") || !strings.Contains(log, "/x") || !strings.Contains(log, "response_test.go") {
		t.Errorf("logged %q; want the panic, its request and its stack", log)
	}
}

// TestIncomplete: what of a response goes out before the connection is broken.
func TestIncomplete(t *testing.T) {
	for _, test := range []struct {
		name string
		app  gateway.AppFunc
		want string
	}{
		{"nothing of it", func(gateway.ResponseWriter, *gateway.Request) error { return gateway.ErrAbort }, ""},
		{"only its head", func(w gateway.ResponseWriter, r *gateway.Request) error {
			w.Flush()
			return errors.New("late")
		}, "Status: 200 OK\r\n(date)\r\n"},
		{"a part that was flushed", func(w gateway.ResponseWriter, r *gateway.Request) error {
			io.WriteString(w, "part")
			w.Flush()
			panic("late")
		}, "Status: 200 OK\r\n(date)\r\npart"},
		{"a part that was not", func(w gateway.ResponseWriter, r *gateway.Request) error {
			io.WriteString(w, strings.Repeat("x", 5000))
			io.WriteString(w, "part")
			return errors.New("late")
		}, "Status: 200 OK\r\n(date)\r\n" + strings.Repeat("x", 5000)},
		{"by runtime.Goexit", func(w gateway.ResponseWriter, r *gateway.Request) error {
			w.Flush()
			runtime.Goexit()
			return nil
		}, "Status: 200 OK\r\n(date)\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, &Server{App: test.app})
			c := s.dial().send(head(1, "CONTENT_LENGTH", "9"), stdinRecord(1, "abc"))
			var out string
			for {
				r := c.next()
				content, isStdout := strings.CutPrefix(r, stdoutOf(1, ""))
				if r == broken {
					break
				}
				if !isStdout || content == "" {
					t.Fatalf("got the record %q; want no end of STDOUT, and no END_REQUEST", r)
				}
				out += content
			}
			if out = dated.ReplaceAllString(out, "(date)"); !strings.HasPrefix(out, test.want) || (out == "") != (test.want == "") {
				t.Errorf("got %q; want %q", out, test.want)
			}
			c.want("EOF")
		})
	}
}

// TestOwnErrors: net/http/fcgi answers by itself where it cannot make an http.Request. That costs
// one request.
func TestOwnErrors(t *testing.T) {
	for name, pair := range map[string][]string{
		"no method":        {"REQUEST_METHOD", ""},
		"protocol":         {"SERVER_PROTOCOL", "HTTP"},
		"length":           {"CONTENT_LENGTH", "x"},
		"length too large": {"CONTENT_LENGTH", "99999999999999999999"},
		"target":           {"REQUEST_URI", "/%zz"},
		"host":             {"HTTP_HOST", "a b"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, &Server{App: gateway.AppFunc(func(gateway.ResponseWriter, *gateway.Request) error {
				t.Error("the App was called")
				return nil
			}), MaxRequests: 1})
			c := s.dial()
			for range 2 { // the place is given back
				if got := c.send(head(1, pair...), stdinRecord(1, "body"), stdinRecord(1, "")).answer(); !strings.HasPrefix(got, "Status: 500 ") {
					t.Errorf("got %q; want the 500 of net/http/fcgi", got)
				}
			}
		})
	}
}
