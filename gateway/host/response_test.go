package host_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/headers"
)

// TestResponseTypes: the response types of RFC 3875 section 6.2, except the local redirect, which
// has its own tests.
func TestResponseTypes(t *testing.T) {
	for _, c := range []struct {
		name, stdout   string
		status         int
		location, body string
	}{
		{"document (C31)", "Content-Type: text/plain\n\nhello", 200, "", "hello"},
		{"document with a status (C32)", "Status: 404 Gone Fishing\nContent-Type: text/plain\n\nno", 404, "", "no"},
		{"status without a reason", "Status: 410\nContent-Type: text/plain\n\nno", 410, "", "no"},
		{"client redirect (C34)", "Location: http://example.org/x?y#z\n\n", 302, "http://example.org/x?y#z", ""},
		{"client redirect with a document (C35)", "Status: 301 Moved\nLocation: /x\nContent-Type: text/plain\n\nover there", 301, "/x", "over there"},
		{"empty values (C38)", "Status:\nLocation:\nContent-Type: text/plain\n\nhello", 200, "", "hello"},
		{"line ends (C29)", "Content-Type: text/plain\r\n\r\nhello", 200, "", "hello"},
		{"status line (S11)", "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n\r\nno", 404, "", "no"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := get(t, handler(says(c.stdout)), "/")
			a.want(t, c.status, c.body)
			if got := a.header.Get("Location"); got != c.location {
				t.Errorf("got Location %q; want %q", got, c.location)
			}
		})
	}
}

// TestHead: the body of an answer to HEAD is discarded (C24).
func TestHead(t *testing.T) {
	a := fetch(t, handler(says("Content-Type: a/b\nContent-Length: 5\n\nhello")), "HEAD", "/", nil)
	a.want(t, 200, "")
	if got := a.header.Get("Content-Length"); got != "5" {
		t.Errorf("got Content-Length %q; want 5", got)
	}
}

// TestRefusedResponses: malformed responses are the backend's fault. The client gets a valid
// message whatever a script prints (C26).
func TestRefusedResponses(t *testing.T) {
	const badHead, tooShort = "bad response head", "shorter than it declared"
	for _, c := range []struct{ name, stdout, reason string }{
		{"nothing at all (C43)", "", badHead},
		{"no head (C43)", "<html>\n", badHead},
		{"no end of the head (C43)", "Content-Type: text/plain\n", badHead},
		{"no colon (C43)", "Content-Type: text/plain\noops\n\nx", badHead},
		{"no field of CGI (C30)", "X-Powered-By: hope\n\nx", badHead},
		{"white space before the colon (C30)", "Content-Type : text/plain\n\nx", badHead},
		{"folded line (C30)", "Content-Type: text/plain\n charset=x\n\nx", badHead},
		{"two Content-Types (C30)", "Content-Type: a/b\nContent-Type: c/d\n\nx", badHead},
		{"status of two digits (C32)", "Status: 20 OK\n\nx", badHead},
		{"status of letters (C32)", "Status: abc OK\n\nx", badHead},
		{"interim response (A13)", "Status: 103 Early Hints\nLink: </x>\n\n", badHead},
		{"switching protocols", "Status: 101 Switching Protocols\nUpgrade: x\n\n", badHead},
		{"Transfer-Encoding (CVE-2023-27522, CVE-2026-63718)", "Content-Type: a/b\nTransfer-Encoding: chunked\n\n0\r\n\r\n", badHead},
		{"Transfer-Encoding and a length (C40)", "Content-Type: a/b\nContent-Length: 1\ntransfer-encoding: x\n\na", badHead},
		{"two lengths (C40)", "Content-Type: a/b\nContent-Length: 1\nContent-Length: 2\n\na", badHead},
		{"length with a sign (C40)", "Content-Type: a/b\nContent-Length: +1\n\na", badHead},
		{"a line end in a value (CVE-2024-24795, CVE-2023-38709)", "Content-Type: a/b\rSet-Cookie: x=y\n\na", badHead},
		{"a control character in the reason (CVE-2026-33523)", "Status: 200 O\x01K\nContent-Type: a/b\n\na", badHead},
		{"a bare CR in the status (CVE-2024-42516)", "Status: 200 OK\rX: y\nContent-Type: a/b\n\na", badHead},
		{"NUL in a name", "Content-Type: a/b\nX\x00: y\n\na", badHead},
		{"a field of 1 MB (C47)", "Content-Type: a/b\nX: " + strings.Repeat("x", 1<<20) + "\n\na", badHead},
		{"a name of 1 MB (CVE-2014-3583)", strings.Repeat("x", 1<<20) + ": y\n\na", badHead},
		{"10,000 fields (C47)", strings.Repeat("A: b\n", 10_000) + "Content-Type: a/b\n\n", badHead},
		{"less than declared (C40, F46)", "Content-Type: a/b\nContent-Length: 3\n\nab", tooShort},
	} {
		t.Run(c.name, func(t *testing.T) {
			log := &logBuffer{}
			h := handler(says(c.stdout))
			h.ErrorLog = log.logger()
			a := get(t, h, "/")
			if a.status != 502 || !strings.Contains(a.body, c.reason) || a.err != nil {
				t.Errorf("got %+v; want a 502 that names the cause", a)
			}
			if strings.Count(log.String(), "level=ERROR") != 1 {
				t.Errorf("got the log %q; want one error", log)
			}
		})
	}
}

// TestStatusLineAtEveryByte: CVE-2026-42946. A status line may arrive in pieces, and a malformed
// one does not leave the parser in a wrong state.
func TestStatusLineAtEveryByte(t *testing.T) {
	const whole = "HTTP/1.1 404 Not Found\r\nContent-Type: a/b\r\n\r\nbody"
	for i := range whole {
		b := backendFunc(func(*gateway.Request) (*gateway.Response, error) {
			halves := io.MultiReader(strings.NewReader(whole[:i]), strings.NewReader(whole[i:]))
			return gateway.ReadResponse(&stream{Reader: halves}, 0)
		})
		get(t, handler(b), "/").want(t, 404, "body")
	}
	for _, bad := range []string{"HTTP/1.1 4x4 No\r\n", "HTTP/1.1 40", "HTTP/2 200\r\n", "HTTP/1.1\r\n", "HTTP/1.1 404 A\x00B\r\n"} {
		if a := get(t, handler(says(bad+"Content-Type: a/b\r\n\r\nbody")), "/"); a.status != 502 {
			t.Errorf("%q: got %+v; want a 502", bad, a)
		}
	}
}

// TestCVE_2020_24553: neither the Handler nor the browser guesses HTML for a response without
// Content-Type.
func TestCVE_2020_24553(t *testing.T) {
	a := get(t, handler(says("Status: 200 OK\n\n<html><script>alert(1)</script>")), "/")
	if a.header.Get("Content-Type") != "" || a.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("got %v; want no Content-Type and nosniff", a.header)
	}
	a = get(t, handler(says("Content-Type: text/html\n\nx")), "/")
	if a.header.Get("X-Content-Type-Options") != "" {
		t.Errorf("got %v; want no nosniff: the application has a word in it", a.header)
	}
	a = get(t, handler(says("Status: 304 Not Modified\nETag: x\n\n")), "/")
	if a.header.Get("X-Content-Type-Options") != "" || a.status != 304 {
		t.Errorf("got %+v; want a bare 304", a)
	}
}

// TestFieldsForTheServer: instructions to the web server do not reach the client (C39, C41,
// CVE-2025-61780, CVE-2026-7381).
func TestFieldsForTheServer(t *testing.T) {
	a := get(t, handler(says("Content-Type: a/b\nX-Accel-Redirect: /etc/passwd\nX-Accel-Buffering: no\nX-SENDFILE: /etc/passwd\n"+
		"X-LIGHTTPD-send-file: /etc/passwd\nX-CGI-Internal: 1\nConnection: close\nKeep-Alive: 5\nProxy-Authenticate: x\nX-Kept: yes\n\nbody")), "/",
		// a request's fields change nothing
		"X-Sendfile-Type", "X-Accel-Redirect", "X-Accel-Mapping", "/=/etc/")
	a.want(t, 200, "body")
	for name := range a.header {
		switch name {
		// the last is sent by the HTTP client itself
		case "Content-Type", "Content-Length", "Date", "X-Kept", "Connection":
		default:
			t.Errorf("got the field %s: %q", name, a.header.Values(name))
		}
	}
}

// TestFailures: 502, 503 and 504 name the cause. Only the log has the detail.
func TestFailures(t *testing.T) {
	const secret = "dial unix /secret/path: refused"
	for _, c := range []struct {
		name string
		err  error
		want int
		text string
	}{
		{"unreachable", &gateway.BackendError{Status: 502, Reason: "the application cannot be reached", Err: errors.New(secret)}, 502, "cannot be reached"},
		{"overloaded", &gateway.BackendError{Status: 503, Reason: "the application is busy", Err: errors.New(secret)}, 503, "is busy"},
		{"slow", &gateway.BackendError{Status: 504, Reason: "the application did not answer in time", Err: errors.New(secret)}, 504, "in time"},
		{"anything else", errors.New(secret), 502, "request to the application failed"},
		{"length required", gateway.ErrLengthRequired, 411, "Content-Length"},
		{"too large", &gateway.BodyTooLargeError{Limit: 1}, 413, "too large"},
		{"bad request", &gateway.RequestError{Reason: secret}, 400, "cannot be understood"},
	} {
		t.Run(c.name, func(t *testing.T) {
			log := &logBuffer{}
			h := handler(backendFunc(func(*gateway.Request) (*gateway.Response, error) { return nil, c.err }))
			h.ErrorLog = log.logger()
			a := get(t, h, "/")
			if a.status != c.want || !strings.Contains(a.body, c.text) || strings.Contains(a.body, "secret") {
				t.Errorf("got %+v; want %d with %q", a, c.want, c.text)
			}
			if !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
				t.Errorf("got Content-Type %q", a.header.Get("Content-Type"))
			}
			if n := strings.Count(log.String(), "\n"); n != 1 || c.want > 500 && !strings.Contains(log.String(), secret) {
				t.Errorf("got the log %q; want one line with the detail", log)
			}
		})
	}
}

// TestBodyIsClosed: the body is closed in every case.
func TestBodyIsClosed(t *testing.T) {
	for _, stdout := range []string{
		"Content-Type: a/b\n\nbody",
		"Content-Type: a/b\nContent-Length: 2\n\nbody",
		"Content-Type: a/b\nTransfer-Encoding: x\n\nbody",
		"Location: /again\n\n",
	} {
		var bodies []*stream
		b := backendFunc(func(*gateway.Request) (*gateway.Response, error) {
			s := &stream{Reader: strings.NewReader(stdout)}
			bodies = append(bodies, s)
			return gateway.ReadResponse(s, 0)
		})
		get(t, handler(b), "/")
		for i, s := range bodies {
			if !s.closed {
				t.Errorf("%q: body %d of %d was left open", stdout, i, len(bodies))
			}
		}
	}
}

// TestMisconfigured: a Handler with invalid fields answers 500, and logs the reason.
func TestMisconfigured(t *testing.T) {
	log := &logBuffer{}
	h := handler(nil)
	h.ErrorLog = log.logger()
	if a := get(t, h, "/"); a.status != http.StatusInternalServerError || !strings.Contains(log.String(), "Backend: is nil") {
		t.Errorf("got %+v, log %q", a, log)
	}
}

// TestNothingOfALocalResponse: no part of the response of an App in this process is lost.
func TestNothingOfALocalResponse(t *testing.T) {
	app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		for _, f := range []headers.Field{{Name: "Set-Cookie", Value: "a=1"}, {Name: "Set-Cookie", Value: "b=2"}, {Name: "Content-Type", Value: "a/b"}} {
			if err := w.Headers().Add(f.Name, f.Value); err != nil {
				return err
			}
		}
		_, err := io.WriteString(w, "hello")
		return err
	})
	a := get(t, handler(gateway.Local(app)), "/")
	a.want(t, 200, "hello")
	if got := a.header.Values("Set-Cookie"); len(got) != 2 {
		t.Errorf("got %q; want two cookies", got)
	}
}
