package cgi_test

import (
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
		{name: "body shorter than its length", app: "echo", body: []byte("abc"), vars: []string{"CONTENT_LENGTH=5"}, stderr: "unexpected EOF", want: errorPage},
		{name: "A12 no SERVER_PROTOCOL", app: "hello", vars: []string{"SERVER_PROTOCOL="}, want: "Status: 200 OK\nContent-Length: 6\n\nHello\n"},
		{name: "flags", app: "flags", want: "Status: 200 OK\nContent-Length: 35\n\nonce=true process=true thread=false"},
		{name: "A4 panic before the first byte", app: "panic-before", stderr: "panic: before the first byte\n",
			want: errorPage},
		{name: "panic after the first byte", app: "panic-after", status: 1, want: "Status: 200 OK\n\nbegun\n", stderr: "panic: after the first byte\n"},
		{name: "abort", app: "abort", status: 1, stderr: "response aborted by the app"},
		{name: "failure of an upstream connection", app: "upstream-gone", status: 1, want: "Status: 200 OK\n\nbegun\n", stderr: "database"},
		{name: "C44 100 KB of standard error", app: "noisy", want: "Status: 200 OK\nContent-Length: 6\n\nquiet\n", stderr: strings.Repeat("0", 63)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, got, status := exchange(t, test.app, test.body, test.vars...)
			if got != test.want || status != test.status {
				t.Errorf("got %.300q, exit status %d; want %.300q, %d\n%s", got, status, test.want, test.status, c.stderr.String())
			}
			if log := c.stderr.String(); !strings.Contains(log, test.stderr) || test.stderr == "" && log != "" {
				t.Errorf("got standard error %q; want %q", log, test.stderr)
			}
		})
	}
}
