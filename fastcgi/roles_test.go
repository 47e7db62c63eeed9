package fastcgi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/headers"
)

const (
	authorizer = 2
	filter     = 3
)

// TestAuthorizer checks F30. No request has a STDIN, which lighttpd does not send; one has some
// that means nothing.
func TestAuthorizer(t *testing.T) {
	deny := func(status, text string) gateway.App {
		return gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			w.Headers().Set("WWW-Authenticate", "Basic")
			if err := w.Start(status); err != nil {
				return err
			}
			_, err := io.WriteString(w, text)
			return err
		})
	}
	decisions := map[string]func(r *gateway.Request) (fastcgi.Decision, error){
		"/allow": func(*gateway.Request) (fastcgi.Decision, error) { return fastcgi.Allow(), nil },
		"/variables": func(*gateway.Request) (fastcgi.Decision, error) {
			return fastcgi.Allow(headers.Field{Name: "B", Value: "1"}, headers.Field{Name: "a_x", Value: ""}, headers.Field{Name: "B", Value: "2"}), nil
		},
		"/smuggled": func(*gateway.Request) (fastcgi.Decision, error) {
			return fastcgi.Allow(headers.Field{Name: "A", Value: "x\r\nVariable-ROOT: yes"}), nil
		},
		"/zero": func(*gateway.Request) (d fastcgi.Decision, err error) { return },
		"/deny": func(*gateway.Request) (fastcgi.Decision, error) {
			return fastcgi.Deny(deny("401 Unauthorized", "who?")), nil
		},
		"/nil":   func(*gateway.Request) (fastcgi.Decision, error) { return fastcgi.Deny(nil), nil },
		"/plain": func(*gateway.Request) (fastcgi.Decision, error) { return fastcgi.Deny(gateway.AppFunc(hello)), nil },
		"/200":   func(*gateway.Request) (fastcgi.Decision, error) { return fastcgi.Deny(deny("200 OK", "in")), nil },
		"/200 unchecked": func(*gateway.Request) (fastcgi.Decision, error) {
			return fastcgi.Deny(gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
				w.Start("200 OK")
				_, err := io.WriteString(w, "in")
				return err
			})), nil
		},
		"/error": func(*gateway.Request) (fastcgi.Decision, error) { return fastcgi.Allow(), errors.New("no database") },
		"/panic": func(*gateway.Request) (fastcgi.Decision, error) { panic("oops") },
		"/body": func(r *gateway.Request) (fastcgi.Decision, error) {
			got, err := io.ReadAll(r.Stdin)
			return fastcgi.Allow(headers.Field{Name: "BODY", Value: fmt.Sprintf("%q %v", got, err)}), nil
		},
	}
	srv := start(t, &fastcgi.Server{App: gateway.AppFunc(hello), Authorizer: fastcgi.AuthorizerFunc(
		func(r *gateway.Request) (fastcgi.Decision, error) { return decisions[r.Environ.Get("REQUEST_URI")](r) })})
	c := dial(t, srv.addr)
	for _, tc := range []struct{ path, want, stderr string }{
		{"/allow", "200 OK\r\nContent-Length: 0\r\n\r\n", ""},
		{"/variables", "200 OK\r\nVariable-B: 1\r\nVariable-a_x: \r\nVariable-B: 2\r\nContent-Length: 0\r\n\r\n", ""},
		{"/smuggled", "500 Internal Server Error\r\n*", "Variable-A"},
		{"/zero", "403 Forbidden\r\nContent-Length: 0\r\n\r\n", ""},
		{"/deny", "401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 4\r\n\r\nwho?", ""},
		{"/nil", "403 Forbidden\r\nContent-Length: 0\r\n\r\n", ""},
		{"/plain", "403 Forbidden\r\nContent-Length: 12\r\n\r\nhello /plain", ""},
		{"/200", "500 Internal Server Error\r\n*", "would allow the request"},
		{"/200 unchecked", "403 Forbidden\r\nContent-Length: 2\r\n\r\nin", ""},
		{"/error", "500 Internal Server Error\r\n*", "no database"},
		{"/panic", "500 Internal Server Error\r\n*", "oops"},
		{"/body", "200 OK\r\nVariable-BODY: \"\" <nil>\r\nContent-Length: 0\r\n\r\n", ""},
	} {
		t.Run(tc.path, func(t *testing.T) {
			c.send(begin(1, authorizer, keepConn), params(1, "REQUEST_METHOD", "GET", "REQUEST_URI", tc.path))
			if tc.path == "/body" {
				c.send(rec(typeStdin, 1, "ignored"), rec(typeData, 1, "ignored"))
			}
			a := c.answers(1)[1]
			if !matches(a.stdout, "Status: "+tc.want) || !strings.Contains(a.stderr, tc.stderr) || tc.stderr == "" && a.stderr != "" {
				t.Errorf("got %q and %q on STDERR; want %q and %q", a.stdout, a.stderr, tc.want, tc.stderr)
			}
			if strings.Contains(a.stdout, "Variable-ROOT: yes\r\n") {
				t.Errorf("a variable was smuggled in: %q", a.stdout)
			}
		})
	}
	if got := body(c.send(get(2, keepConn, "/next")).whole(2)); got != "hello /next" {
		t.Errorf("a responder on the same connection got %q", got)
	}
}

// matches compares; a * at the end of want stands for anything.
func matches(got, want string) bool {
	if start, ok := strings.CutSuffix(want, "*"); ok {
		return strings.HasPrefix(got, start)
	}
	return got == want
}

// TestRolesThatAreNotServed checks F16 where one of the two is.
func TestRolesThatAreNotServed(t *testing.T) {
	srv := start(t, &fastcgi.Server{App: gateway.AppFunc(hello), Authorizer: fastcgi.AuthorizerFunc(
		func(*gateway.Request) (fastcgi.Decision, error) { return fastcgi.Allow(), nil })})
	c := dial(t, srv.addr)
	for _, role := range []byte{0, filter, 4, 255} {
		c.send(begin(1, role, keepConn), params(1), rec(typeStdin, 1, ""), rec(typeData, 1, "")).refused(1, unknownRole)
	}
	c.send(begin(1, authorizer, keepConn), params(1)).whole(1)
	c.send(begin(1, filter, 0)).refused(1, unknownRole)
	c.ended()
}

// tell answers with what a filter gets.
func tell(w gateway.ResponseWriter, r *gateway.Request, data *fastcgi.Data) error {
	stdin, stdinErr := io.ReadAll(r.Stdin)
	content, err := io.ReadAll(data)
	modified := "never"
	if !data.LastModified.IsZero() {
		modified = data.LastModified.UTC().Format(time.DateTime)
	}
	_, werr := fmt.Fprintf(w, "stdin %q %v; data %d %q %v; %s", stdin, stdinErr, data.Length, content, err, modified)
	return werr
}

// TestFilter checks F31.
func TestFilter(t *testing.T) {
	srv := start(t, &fastcgi.Server{App: gateway.AppFunc(hello), Filter: fastcgi.FilterFunc(tell)})
	in, data := func(s string) string { return rec(typeStdin, 1, s) }, func(s string) string { return rec(typeData, 1, s) }
	for _, c := range []struct{ name, length, modified, records, want string }{
		{"STDIN, then DATA", "4", "784111777", in("form") + in("") + data("fi") + data("le") + data(""),
			`stdin "form" <nil>; data 4 "file" <nil>; 1994-11-06 08:49:37`},
		{"interleaved", "4", "0", data("fi") + in("fo") + data("le") + data("") + in("rm") + in(""),
			`stdin "form" <nil>; data 4 "file" <nil>; 1970-01-01 00:00:00`},
		{"empty", "0", "", in("") + data(""), `stdin "" <nil>; data 0 "" <nil>; never`},
		{"longer than declared", "3", "", in("") + data("file") + data(""), `stdin "" <nil>; data 3 "fil" <nil>; never`},
		{"shorter than declared", "5", "", in("") + data("file") + data(""), `stdin "" <nil>; data 5 "file" unexpected EOF; never`},
		{"behind its end", "5", "", in("") + data("file") + data("") + data("more"), `stdin "" <nil>; data 5 "file" unexpected EOF; never`},
		{"no length", "", "", in("") + data(""), "400"},
		{"negative length", "-1", "", in("") + data(""), "400"},
		{"length with a sign", "+1", "", in("") + data("x") + data(""), "400"},
		{"length in hexadecimal", "0x1", "", in("") + data("x") + data(""), "400"},
		{"length of 64 bits", "9223372036854775808", "", in("") + data(""), "400"},
		{"malformed time", "4", "Sunday", in("") + data("file") + data(""), "400"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := dial(t, srv.addr).send(begin(1, filter, keepConn),
				params(1, "REQUEST_METHOD", "POST", "FCGI_DATA_LENGTH", c.length, "FCGI_DATA_LAST_MOD", c.modified), c.records)
			a := conn.answers(1)[1]
			if got := body(a.stdout); got != c.want && !strings.HasPrefix(a.stdout, "Status: "+c.want+" ") {
				t.Errorf("got %q; want %q", a.stdout, c.want)
			}
			conn.send(get(2, 0, "/")).whole(2)
			conn.ended()
		})
	}
}

// TestFilterAnswersEarly has output before the end of STDIN, which this side may leave to the
// filter (F31).
func TestFilterAnswersEarly(t *testing.T) {
	kept := make(chan io.Reader, 1)
	srv := start(t, &fastcgi.Server{App: gateway.AppFunc(hello), Filter: fastcgi.FilterFunc(
		func(w gateway.ResponseWriter, r *gateway.Request, data *fastcgi.Data) error {
			kept <- data
			_, err := io.WriteString(w, "early")
			return err
		})})
	c := dial(t, srv.addr).send(begin(1, filter, keepConn), params(1, "FCGI_DATA_LENGTH", "4"), rec(typeStdin, 1, "fo"))
	if got := body(c.whole(1)); got != "early" {
		t.Errorf("got %q", got)
	}
	c.send(rec(typeStdin, 1, "rm"), rec(typeStdin, 1, ""), rec(typeData, 1, "file"), rec(typeData, 1, ""))
	if n, err := (<-kept).Read(make([]byte, 1)); n > 0 || !errors.Is(err, gateway.ErrFinished) {
		t.Errorf("data behind the end of the filter: got %d, %v; want ErrFinished", n, err)
	}
	if got := body(c.send(get(2, keepConn, "/next")).whole(2)); got != "hello /next" {
		t.Errorf("the next request got %q", got)
	}
}

// TestFilterReadsEitherStream has more in one stream than is held in memory, while the other is
// read.
func TestFilterReadsEitherStream(t *testing.T) {
	srv := start(t, &fastcgi.Server{App: gateway.AppFunc(hello), Filter: fastcgi.FilterFunc(
		func(w gateway.ResponseWriter, r *gateway.Request, data *fastcgi.Data) error {
			first, second := io.Reader(data), r.Stdin
			if r.Environ.Get("REQUEST_URI") == "/stdin" {
				first, second = second, first
			}
			n, err := io.Copy(io.Discard, first)
			fmt.Fprintf(w, "%d %v", n, err)
			n, err = io.Copy(io.Discard, second)
			fmt.Fprintf(w, " %d %v", n, err)
			return nil
		})})
	const records, size = 20, 60_000
	stream := func(kind byte) string {
		return strings.Repeat(rec(kind, 1, strings.Repeat("x", size)), records) + rec(kind, 1, "")
	}
	for path, streams := range map[string]string{"/data": stream(typeStdin) + stream(typeData), "/stdin": stream(typeData) + stream(typeStdin)} {
		c := dial(t, srv.addr)
		go io.WriteString(c, begin(1, filter, 0)+params(1, "REQUEST_URI", path, "FCGI_DATA_LENGTH", fmt.Sprint(records*size))+streams)
		if got, want := body(c.whole(1)), fmt.Sprintf("%d <nil> %[1]d <nil>", records*size); got != want {
			t.Errorf("%s: got %q; want %q", path, got, want)
		}
	}
}

// TestFilterIsCutOff ends a request within its DATA.
func TestFilterIsCutOff(t *testing.T) {
	for _, how := range []string{"abort", "close"} {
		read, failed := make(chan struct{}), make(chan error, 1)
		srv := start(t, &fastcgi.Server{App: gateway.AppFunc(hello), Filter: fastcgi.FilterFunc(
			func(w gateway.ResponseWriter, r *gateway.Request, data *fastcgi.Data) error {
				io.ReadFull(data, make([]byte, 2))
				close(read)
				_, err := io.ReadAll(data)
				failed <- err
				return err
			})})
		c := dial(t, srv.addr).send(begin(1, filter, keepConn), params(1, "FCGI_DATA_LENGTH", "4"), rec(typeStdin, 1, ""), rec(typeData, 1, "fi"))
		wait(t, read, "the first bytes")
		if how == "abort" {
			c.send(rec(typeAbort, 1, "")).whole(1)
		} else {
			c.Close()
		}
		if err := wait(t, failed, "the end of the data"); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: got %v; want io.ErrUnexpectedEOF", how, err)
		}
	}
}

// TestSetAppStatus checks F19, for a whole response and for one that was not wanted.
func TestSetAppStatus(t *testing.T) {
	type key struct{}
	entered := make(chan struct{})
	srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
		ctx, cancel := context.WithCancel(context.WithValue(r.Context(), key{}, "other"))
		defer cancel()
		switch r.Environ.Get("REQUEST_URI") {
		case "/plain":
			if !fastcgi.SetAppStatus(r.Context(), 3) {
				t.Error("the context of a request is not known")
			}
		case "/derived":
			if !fastcgi.SetAppStatus(ctx, 3) || !fastcgi.SetAppStatus(ctx, 1<<32-1) {
				t.Error("a derived context is not known")
			}
		case "/aborted":
			fastcgi.SetAppStatus(ctx, 7)
			close(entered)
			<-ctx.Done()
			return nil
		}
		return hello(w, r)
	})
	c := dial(t, srv.addr)
	for path, want := range map[string]uint32{"/plain": 3, "/derived": 1<<32 - 1, "/none": 0} {
		if a := c.send(get(1, keepConn, path)).answers(1)[1]; a.appStatus != want || body(a.stdout) != "hello "+path {
			t.Errorf("%s: got %+v; want the status %d", path, *a, want)
		}
	}
	c.send(get(1, keepConn, "/aborted"))
	wait(t, entered, "the App")
	if a := c.send(rec(typeAbort, 1, "")).answers(1)[1]; a.appStatus != 7 || a.protocolStatus != complete {
		t.Errorf("aborted: got %+v; want the status 7 (F18)", *a)
	}
	if fastcgi.SetAppStatus(t.Context(), 1) {
		t.Error("a context of something else is taken for a request's")
	}
}
