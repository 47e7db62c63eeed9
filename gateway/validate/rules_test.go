package validate_test

import (
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/validate"
)

// row tests one rule: by a scene that breaks only it, and by a similar one that does not break it.
type row struct {
	rule  string
	value string // of the violation
	wrong scene
	right scene
}

// besides are the rules that another rule's scene must break too.
var besides = map[string][]string{"stdin.revived": {"stdin.past-end"}}

// found are the rules that are broken without a call to report, because the App has returned.
var found = []string{
	"response.silent", "response.field", "response.field-name", "response.field-value", "response.status-field",
	"response.hop-by-hop", "response.repeated-field", "response.content-type", "response.entity-field",
	"response.content-length", "response.length-mismatch", "response.body-not-allowed", "response.fields-after-head",
}

// afterwards are the errors that are detected too late to fail their request.
var afterwards = []string{"request.after-return", "response.after-return"}

func environRows() []row {
	return []row{
		{"environ.name", "A=B", scene{gateway: set("A=B", "1")}, scene{gateway: set("ProgramFiles(x86)", "1")}},
		{"environ.value", "X=a\x00b", scene{gateway: set("X", "a\x00b")}, scene{gateway: set("X", "a\xffb\n")}},
		// C2
		{"environ.request-method", "", scene{gateway: del("REQUEST_METHOD")}, scene{gateway: set("REQUEST_METHOD", "VERSION-CONTROL")}},
		{"environ.unusual-method", "get", scene{gateway: set("REQUEST_METHOD", "get")}, scene{gateway: set("REQUEST_METHOD", "PROPFIND")}},
		{"environ.script-name", "/", scene{gateway: all(set("SCRIPT_NAME", "/"), del("REQUEST_URI"))},
			scene{gateway: all(set("SCRIPT_NAME", ""), del("REQUEST_URI"))}},
		// C3
		{"environ.script-name-missing", "", scene{gateway: all(del("SCRIPT_NAME"), set("REQUEST_URI", "/hello"))},
			scene{gateway: all(set("SCRIPT_NAME", ""), set("REQUEST_URI", "/hello"))}},
		// C15
		{"environ.path-info", "hello", scene{gateway: all(set("PATH_INFO", "hello"), del("REQUEST_URI"))},
			scene{gateway: all(set("PATH_INFO", ""), set("REQUEST_URI", "/app"))}},
		{"environ.path-info-missing", "", scene{gateway: all(set("SCRIPT_NAME", ""), del("PATH_INFO"), del("REQUEST_URI"))},
			scene{gateway: all(set("SCRIPT_NAME", "/app/hello"), del("PATH_INFO"))}},
		// C15
		{"environ.path-info-encoded", "/a%2cb", scene{gateway: all(set("PATH_INFO", "/a%2cb"), set("REQUEST_URI", "/app/a%2cb"))},
			scene{gateway: all(set("PATH_INFO", "/a%2cb"), set("REQUEST_URI", "/app/a%252cb"))}},
		// C17, A11
		{"environ.request-uri", "/app/a/b", scene{gateway: all(set("PATH_INFO", "/a/b"), set("REQUEST_URI", "/app/a//b"))},
			scene{gateway: all(set("PATH_INFO", "/a//b,é%"), set("REQUEST_URI", "http://h:1/%61pp/a%2F/b%2c%c3%a9%?x//y"))}},
		{"environ.request-target", "*", scene{gateway: set("REQUEST_URI", "*")},
			scene{gateway: all(set("REQUEST_METHOD", "OPTIONS"), set("REQUEST_URI", "*"))}},
		{"environ.query-string", "a b", scene{gateway: set("QUERY_STRING", "a b")}, scene{gateway: set("QUERY_STRING", "a+b?%20\xff")}},
		// C1
		{"environ.query-string-missing", "", scene{gateway: del("QUERY_STRING")}, scene{gateway: set("QUERY_STRING", "")}},
		// C4
		{"environ.server-name", "::1", scene{gateway: set("SERVER_NAME", "::1")}, scene{gateway: set("SERVER_NAME", "[::1]")}},
		// C4
		{"environ.server-name-missing", "", scene{gateway: del("SERVER_NAME")}, scene{gateway: set("SERVER_NAME", "_")}},
		// C5
		{"environ.server-port", "http", scene{gateway: set("SERVER_PORT", "http")}, scene{gateway: set("SERVER_PORT", "65535")}},
		// C6, A12
		{"environ.server-protocol", "HTTP", scene{gateway: set("SERVER_PROTOCOL", "HTTP")}, scene{gateway: set("SERVER_PROTOCOL", "INCLUDED")}},
		{"environ.server-protocol-missing", "", scene{gateway: del("SERVER_PROTOCOL")}, scene{gateway: set("SERVER_PROTOCOL", "HTTP/2")}},
		// C8
		{"environ.gateway-interface", "1.1", scene{gateway: set("GATEWAY_INTERFACE", "1.1")}, scene{gateway: del("GATEWAY_INTERFACE")}},
		// C9
		{"environ.remote-addr", "127.0.0.1:80", scene{gateway: set("REMOTE_ADDR", "127.0.0.1:80")}, scene{gateway: set("REMOTE_ADDR", "unix:")}},
		// C12, A9
		{"environ.content-length", "-1", scene{gateway: set("CONTENT_LENGTH", "-1")}, scene{gateway: set("CONTENT_LENGTH", "0")}},
		// C21
		{"environ.http-content", "HTTP_CONTENT_LENGTH=", scene{gateway: set("HTTP_CONTENT_LENGTH", "")}, scene{gateway: set("CONTENT_TYPE", "a/b")}},
		// C22
		{"environ.http-proxy", "http://evil.example", scene{gateway: set("HTTP_PROXY", "http://evil.example")},
			scene{gateway: set("HTTP_PROXY_CONNECTION", "close")}},
		{"environ.http-host", "user@host", scene{gateway: set("HTTP_HOST", "user@host")}, scene{gateway: set("HTTP_HOST", "[::1]:8080")}},
		{"request.incomplete", "Stdin", scene{gateway: func(r *gateway.Request) { r.Stdin = nil }}, scene{}},
		{"request.scheme", "ftp", scene{gateway: func(r *gateway.Request) { r.Scheme = "ftp" }},
			scene{gateway: func(r *gateway.Request) { r.Scheme = "https" }}},
	}
}

// endless returns a byte with each Read.
func endless(p []byte) (int, error) { return copy(p, "x"), nil }

// revived returns io.EOF and then more bytes.
func revived() io.Reader {
	calls := 0
	return readFunc(func(p []byte) (int, error) {
		if calls++; calls == 1 {
			return 0, io.EOF
		}
		return copy(p, "x"), nil
	})
}

func streamRows() []row {
	return []row{
		{"stdin.count", "9 of 4",
			scene{gateway: stdin("", readFunc(func(p []byte) (int, error) { return 9, io.EOF })), app: readFour},
			scene{gateway: stdin("", readFunc(func(p []byte) (int, error) { return 4, io.EOF })), app: readFour}},
		// C23, A2
		{"stdin.long", "more than 2",
			scene{gateway: stdin("2", readFunc(endless)), app: readFour},
			scene{gateway: stdin("4", readFunc(endless)), app: readFour}},
		// F26, S6
		{"stdin.short", "3 of 4",
			scene{gateway: stdin("4", strings.NewReader("abc")), app: readAll},
			scene{gateway: stdin("4", io.MultiReader(strings.NewReader("abc"), readFunc(func([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }))), app: readAll}},
		// A2
		{"stdin.past-end", "", scene{body: "abc", app: readTwice(readAll)}, scene{body: "abc", app: readAll}},
		{"stdin.revived", "1, <nil>",
			scene{gateway: stdin("", revived()), app: readTwice(readAll)},
			scene{gateway: stdin("", strings.NewReader("abc")), app: readAll}},
		{"stderr.count", "1 of 5, <nil>",
			scene{gateway: stderr(func(p []byte) (int, error) { return 1, nil }), app: complain},
			scene{gateway: stderr(func(p []byte) (int, error) { return 1, io.ErrShortWrite }), app: complain}},
		{"writer.count", "13 of 14, <nil>", scene{writer: lossy(nil)}, scene{writer: lossy(errLost)}},
		{"request.after-return", "Stdin.Read", keepsStdin(true), keepsStdin(false)},
	}
}

// readFour reads until it has 4 bytes.
func readFour(w gateway.ResponseWriter, r *gateway.Request) error {
	p := make([]byte, 4)
	for n := 0; n < 4; {
		got, err := r.Stdin.Read(p)
		if n += got; err != nil {
			break
		}
	}
	return hello(w, r)
}

// readTwice reads again after app has read to the end.
func readTwice(app gateway.AppFunc) gateway.AppFunc {
	return func(w gateway.ResponseWriter, r *gateway.Request) error {
		io.Copy(io.Discard, r.Stdin)
		r.Stdin.Read(make([]byte, 1))
		return hello(w, r)
	}
}

func stderr(write writeFunc) func(r *gateway.Request) {
	return func(r *gateway.Request) { r.Stderr = write }
}

func complain(w gateway.ResponseWriter, r *gateway.Request) error {
	r.Stderr.Write([]byte("oops\n"))
	return hello(w, r)
}

var errLost = errors.New("a byte was lost")

// lossyWriter drops the last byte of each Write, and returns err, which may be nil.
type lossyWriter struct {
	gateway.ResponseWriter
	err error
}

func lossy(err error) func(gateway.ResponseWriter) gateway.ResponseWriter {
	return func(w gateway.ResponseWriter) gateway.ResponseWriter { return lossyWriter{w, err} }
}

func (w lossyWriter) Write(p []byte) (int, error) {
	n, _ := w.ResponseWriter.Write(p)
	return n - 1, w.err
}

// keepsStdin reads from Stdin after the App has returned.
func keepsStdin(late bool) scene {
	var kept io.Reader
	return scene{
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			kept = r.Stdin
			return hello(w, r)
		},
		after: func() {
			if late {
				kept.Read(make([]byte, 1))
			}
		},
	}
}

var large = strings.Repeat("0123456789", 1000)

func responseRows() []row {
	return []row{
		{"response.start-missing", "",
			scene{app: func(w gateway.ResponseWriter, r *gateway.Request) error {
				w.Headers().Set("Content-Type", "text/plain")
				_, err := w.Write([]byte("x"))
				return err
			}},
			scene{app: respond("200 OK", "x", "Content-Type", "text/plain")}},
		// A4
		{"response.silent", "", scene{app: func(gateway.ResponseWriter, *gateway.Request) error { return nil }},
			scene{app: respond("200 OK", "")}},
		// C32
		{"response.status", "200", scene{app: respond("200", "")}, scene{app: respond("200 ", "")}},
		{"response.status-class", "600", scene{app: respond("600 Odd", "")}, scene{app: respond("599 Odd", "")}},
		// A13
		{"response.interim", "100", scene{app: twice("100 Continue", "200 OK")}, scene{app: twice("404 Not Found", "200 OK")}},
		{"response.start-after-head", "404 Not Found", scene{app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			w.Start("200 OK")
			w.Flush()
			w.Start("404 Not Found")
			return nil
		}}, scene{app: twice("200 OK", "404 Not Found")}},
		// A13
		{"response.field", `headers: field "X-Evil" with value "a\r\nb" refused: byte 1 of t...`, scene{app: respond("200 OK", "", "X-Evil", "a\r\nb")},
			scene{app: respond("200 OK", "", "X-Good", "a  b")}},
		{"response.field-name", "X-Odd.Name", scene{app: respond("200 OK", "", "X-Odd.Name", "a")}, scene{app: respond("200 OK", "", "X_1-a", "a")}},
		{"response.field-value", "X-Name: é", scene{app: respond("200 OK", "", "X-Name", "é")}, scene{app: respond("200 OK", "", "X-Name", "a b~")}},
		{"response.status-field", "200", scene{app: respond("200 OK", "", "status", "200")}, scene{app: respond("200 OK", "", "X-Status", "200")}},
		// A5, C39
		{"response.hop-by-hop", "Connection", scene{app: respond("200 OK", "", "Connection", "close")}, scene{app: respond("200 OK", "", "Via", "1.1 x")}},
		// C30
		{"response.repeated-field", "text/html",
			scene{app: respond("200 OK", "x", "Content-Type", "text/plain", "Content-Type", "text/html")},
			scene{app: respond("200 OK", "x", "Content-Type", "text/plain", "Set-Cookie", "a=1", "Set-Cookie", "b=2")}},
		// C31
		{"response.content-type", "", scene{app: respond("200 OK", "x")}, scene{app: respond("200 OK", "")}},
		// A14
		{"response.entity-field", "204", scene{app: respond("204 No Content", "", "Content-Type", "text/plain")},
			scene{app: respond("304 Not Modified", "", "ETag", `"x"`)}},
		{"response.content-length", "+1", scene{app: respond("200 OK", "x", "Content-Type", "text/plain", "Content-Length", "+1")},
			scene{app: respond("200 OK", "x", "Content-Type", "text/plain", "Content-Length", "1")}},
		// C40
		{"response.length-mismatch", "1 of the declared 2", scene{app: respond("200 OK", "x", "Content-Type", "text/plain", "Content-Length", "2")},
			scene{method: "HEAD", app: respond("200 OK", "", "Content-Type", "text/plain", "Content-Length", "2")}},
		// A3
		{"response.head-body", "", scene{method: "HEAD"},
			scene{method: "HEAD", app: respond("200 OK", "", "Content-Type", "text/plain")}},
		// A14
		{"response.body-not-allowed", "205", scene{app: respond("205 Reset Content", "x")}, scene{app: respond("205 Reset Content", "", "Content-Length", "0")}},
		{"response.fields-after-head", "", scene{app: changesFields(true)}, scene{app: changesFields(false)}},
		concurrentRow(),
		{"response.after-return", "Write", keepsWriter(true), keepsWriter(false)},
	}
}

// twice starts two responses.
func twice(first, second string) gateway.AppFunc {
	return func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Start(first)
		return w.Start(second)
	}
}

// changesFields sets a field after the head was committed, or before: 4 KiB of body are buffered.
func changesFields(late bool) gateway.AppFunc {
	return func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Start("200 OK")
		io.WriteString(w, "x")
		w.Headers().Set("Content-Type", "text/plain")
		io.WriteString(w, large)
		if late {
			w.Headers().Set("X-Late", "1")
		}
		return nil
	}
}

// keepsWriter writes from another goroutine after the App has returned.
func keepsWriter(late bool) scene {
	returned, done := make(chan bool), make(chan bool)
	return scene{
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			go func() {
				defer close(done)
				if <-returned {
					w.Write([]byte("x"))
				}
			}()
			return hello(w, r)
		},
		after: func() {
			returned <- late
			<-done
		},
	}
}

// blocking blocks a Write until it is released.
type blocking struct {
	gateway.ResponseWriter
	entered, release chan bool
}

func (w blocking) Write(p []byte) (int, error) {
	close(w.entered)
	<-w.release
	return w.ResponseWriter.Write(p)
}

// concurrentRow has two goroutines in the writer at the same time. The first returns when the
// second is reported.
func concurrentRow() row {
	entered, release, done := make(chan bool), make(chan bool), make(chan bool)
	wrong := scene{
		writer: func(w gateway.ResponseWriter) gateway.ResponseWriter { return blocking{w, entered, release} },
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			w.Headers().Set("Content-Type", "text/plain")
			w.Start("200 OK")
			go func() {
				defer close(done)
				w.Write([]byte("x"))
			}()
			<-entered
			err := w.Flush()
			<-done
			return err
		},
		seen: func(*validate.Violation) { close(release) },
	}
	right := scene{app: func(w gateway.ResponseWriter, r *gateway.Request) error {
		done := make(chan error)
		go func() { done <- hello(w, r) }()
		return <-done
	}}
	return row{"response.concurrent", "Flush", wrong, right}
}

// rows returns every row. Some scenes can run only once, so each run has new rows.
func rows() []row { return slices.Concat(environRows(), streamRows(), responseRows()) }
