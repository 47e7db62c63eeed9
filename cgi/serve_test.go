package cgi_test

import (
	"io"
	"strings"
	"testing"
)

func TestServe(t *testing.T) {
	body10M := body10M()
	const page = "Content-Type: text/plain; charset=utf-8\n"
	const errorPage = "Status: 500 Internal Server Error\n" + page + "Content-Length: 67\n\n" +
		"The server met an internal error and could not answer the request.\n"
	tests := []struct {
		name   string
		app    string
		body   []byte
		vars   []string
		want   string
		status int
		stderr string // is in what the program logged; empty: it logged nothing
	}{
		{name: "GET", app: "hello", want: "Status: 200 OK\nContent-Length: 6\n\nHello\n"},
		{name: "A3 HEAD has no body", app: "hello", vars: []string{"REQUEST_METHOD=HEAD"}, want: "Status: 200 OK\nContent-Length: 6\n\n"},
		{name: "POST", app: "echo", body: []byte("a=1&b=2"), want: "Status: 200 OK\nContent-Length: 7\n\na=1&b=2"},
		{name: "POST 10 MB, read", app: "echo-sum", body: body10M, want: "Status: 200 OK\nContent-Length: 75\n\n" + sumOf(body10M)},
		{name: "POST 10 MB, unread", app: "hello", body: body10M, want: "Status: 200 OK\nContent-Length: 6\n\nHello\n"},
		{name: "POST 10 MB, unread, with a long answer", app: "big", body: body10M, want: "Status: 200 OK\n\n" + strings.Repeat("x", big)},
		{name: "POST 10 MB, read after a long answer", app: "big-then-read", body: body10M,
			want: "Status: 200 OK\n\n" + strings.Repeat("x", big) + sumOf(body10M[10:])},
		{name: "POST over the spool", app: "small-spool", body: body10M, want: "Status: 200 OK\n\nbegun\n2097152 " +
			"cgi: keep the request body: gateway: request body is larger than 2097152 bytes\n"},
		{name: "POST over MaxBodyBytes", app: "echo", body: make([]byte, 21<<20), stderr: "request body is larger",
			want: "Status: 413 Content Too Large\n" + page + "Content-Length: 31\n\nThe request body is too large.\n"},
		{name: "A9 malformed length", app: "echo", vars: []string{"CONTENT_LENGTH=+5"}, stderr: `malformed CONTENT_LENGTH: "+5"`,
			want: "Status: 400 Bad Request\n" + page + "Content-Length: 34\n\nThe request cannot be understood.\n"},
		{name: "body shorter than its length", app: "echo", body: []byte("abc"), vars: []string{"CONTENT_LENGTH=5"}, stderr: "unexpected EOF",
			want: "Status: 400 Bad Request\n" + page + "Content-Length: 44\n\nThe request body did not arrive completely.\n"},
		{name: "A12 no SERVER_PROTOCOL", app: "hello", vars: []string{"SERVER_PROTOCOL="}, want: "Status: 200 OK\nContent-Length: 6\n\nHello\n"},
		{name: "flags", app: "flags", want: "Status: 200 OK\nContent-Length: 35\n\nonce=true process=true thread=false"},
		{name: "A4 panic before the first byte", app: "panic-before", stderr: "panic: before the first byte\n",
			want: errorPage},
		{name: "panic after the first byte", app: "panic-after", status: 1, want: "Status: 200 OK\n\nbegun\n", stderr: "panic: after the first byte\n"},
		{name: "abort", app: "abort", status: 1, stderr: "response aborted by the app"},
		{name: "failure of an upstream connection", app: "upstream-gone", status: 1, want: "Status: 200 OK\n\nbegun\n", stderr: "database"},
		{name: "strict", app: "strict", vars: []string{"CGIKIT_STRICT_EXIT=1"},
			want: "Status: 200 OK\nX-CGI-Strict-Exit: 1\nContent-Length: 12\n\nin environ: "},
		{name: "strict, panic after the first byte", app: "panic-after", vars: []string{"CGIKIT_STRICT_EXIT=1"}, status: 1,
			want: "Status: 200 OK\nX-CGI-Strict-Exit: 1\n\nbegun\n", stderr: "panic: after the first byte\n"},
		{name: "strict, error page", app: "panic-before", vars: []string{"CGIKIT_STRICT_EXIT=1"}, want: errorPage, stderr: "panic: before the first byte\n"},
		{name: "another value", app: "hello", vars: []string{"CGIKIT_STRICT_EXIT=0"}, want: "Status: 200 OK\nContent-Length: 6\n\nHello\n"},
		{name: "C44 100 KB of standard error", app: "noisy", want: "Status: 200 OK\nContent-Length: 6\n\nquiet\n", stderr: strings.Repeat("0", 63)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, got, status := runOnce(t, test.app, test.body, test.vars...)
			if got != test.want || status != test.status {
				t.Errorf("got %.300q, exit status %d; want %.300q, %d\n%s", got, status, test.want, test.status, c.stderr.String())
			}
			if log := c.stderr.String(); !strings.Contains(log, test.stderr) || test.stderr == "" && log != "" {
				t.Errorf("got standard error %.300q; want %.300q", log, test.stderr)
			}
		})
	}
}

// TestServeBodyEnd: A2, a script reads CONTENT_LENGTH bytes, since standard input may stay open;
// without one it reads nothing, but for a chunked body of Apache's, which runs to the end.
func TestServeBodyEnd(t *testing.T) {
	const post = "REQUEST_METHOD=POST"
	tests := []struct {
		name  string
		app   string
		sent  string
		close bool
		vars  []string
		want  string
	}{
		{name: "GET, open for ever", app: "echo", want: "Status: 200 OK\nContent-Length: 0\n\n"},
		{name: "POST, open for ever", app: "echo", sent: "12345 and more", vars: []string{post, "CONTENT_LENGTH=5"},
			want: "Status: 200 OK\nContent-Length: 5\n\n12345"},
		{name: "POST unread, open for ever", app: "hello", sent: "12345", vars: []string{post, "CONTENT_LENGTH=5"},
			want: "Status: 200 OK\nContent-Length: 6\n\nHello\n"},
		{name: "POST read late, open for ever", app: "big-then-read", sent: "1234567890-and more", vars: []string{post, "CONTENT_LENGTH=11"},
			want: "Status: 200 OK\n\n" + strings.Repeat("x", big) + sumOf([]byte("-"))},
		{name: "chunked", app: "echo", sent: "of any length", close: true, vars: []string{post, "HTTP_TRANSFER_ENCODING=Chunked"},
			want: "Status: 200 OK\nContent-Length: 13\n\nof any length"},
		{name: "chunked, read late", app: "big-then-read", sent: "1234567890and more", close: true,
			vars: []string{post, "HTTP_TRANSFER_ENCODING=chunked"},
			want: "Status: 200 OK\n\n" + strings.Repeat("x", big) + sumOf([]byte("and more"))},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := start(t, test.app, test.vars...)
			if _, err := io.WriteString(c.stdin, test.sent); err != nil {
				t.Fatal(err)
			}
			if test.close {
				c.stdin.Close()
			}
			if got, status := c.answer(t); got != test.want || status != 0 {
				t.Errorf("got %.300q, exit status %d; want %.300q, 0", got, status, test.want)
			}
			c.stdin.Close()
		})
	}
}

// TestServeArguments: A6 and CVE-2012-1823 (a query without "=" becomes arguments), CVE-2016-5386
// (the client's Proxy field).
func TestServeArguments(t *testing.T) {
	c := prepare(t, "args", "HTTP_PROXY=http://evil.example", "QUERY_STRING=-s+-test.v")
	c.Args = append(c.Args, "-s", "-test.v")
	out, err := c.Output()
	if want := `1 "" ""`; err != nil || !strings.HasSuffix(string(out), "\n"+want) {
		t.Errorf("got %q, %v; want one argument and no proxy: %s", out, err, want)
	}
}

func TestServeOutsideCGI(t *testing.T) {
	c := prepare(t, "args", "REQUEST_METHOD=")
	out, err := c.Output()
	log := c.stderr.String()
	if err == nil || len(out) > 0 || !strings.Contains(log, "cgi: not started by a web server: REQUEST_METHOD is not set") ||
		!strings.Contains(log, "hint:") {
		t.Errorf("got %q, %v, standard error %q; want exit status 1, no output, and an error with a hint", out, err, log)
	}
}

// TestServeNPH: A8, RFC 3875 section 5.
func TestServeNPH(t *testing.T) {
	tests := []struct {
		name string
		app  string
		vars []string
		head string
		body string
		exit int
	}{
		{name: "SCRIPT_FILENAME", app: "hello", vars: []string{"SCRIPT_FILENAME=/srv/nph-app"}, head: "HTTP/1.1 200 OK\n", body: "Hello\n"},
		{name: "SCRIPT_NAME", app: "hello", vars: []string{"SCRIPT_NAME=/cgi-bin/nph-app"}, head: "HTTP/1.1 200 OK\n", body: "Hello\n"},
		{name: "SCRIPT_FILENAME goes first", app: "hello", head: "Status: 200 OK\n", body: "Hello\n",
			vars: []string{"SCRIPT_FILENAME=/srv/app", "SCRIPT_NAME=/cgi-bin/nph-app"}},
		{name: "not a folder's name", app: "hello", vars: []string{"SCRIPT_FILENAME=/srv/nph-dir/app"}, head: "Status: 200 OK\n", body: "Hello\n"},
		{name: "option", app: "option-nph", head: "HTTP/1.1 200 OK\n", body: "6\nbegun\n\n4\nmore\n0\n\n"},
		{name: "broken off, seen by the missing end", app: "panic-after", vars: []string{"SCRIPT_NAME=/nph-app"},
			head: "HTTP/1.1 200 OK\n", body: "6\nbegun\n\n", exit: 1},
		{name: "broken off before HTTP/1.1", app: "panic-after", vars: []string{"SCRIPT_NAME=/nph-app", "SERVER_PROTOCOL=HTTP/1.0"},
			head: "HTTP/1.1 200 OK\n", body: "begun\n", exit: 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, got, status := runOnce(t, test.app, nil, test.vars...)
			head, body, _ := strings.Cut(got, "\n\n")
			if !strings.HasPrefix(head, test.head) || body != test.body || status != test.exit {
				t.Errorf("got %q, exit status %d; want %q, then %q, %d", got, status, test.head, test.body, test.exit)
			}
		})
	}
}
