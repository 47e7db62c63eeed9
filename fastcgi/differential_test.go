package fastcgi_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/vectors"
)

// variedApp does what an App may do, by its path.
func variedApp(w gateway.ResponseWriter, r *gateway.Request) error {
	switch r.Environ.Get("REQUEST_URI") {
	case "/panic":
		panic("early")
	case "/goexit":
		runtime.Goexit()
	case "/error":
		return errors.New("early")
	case "/empty":
		return nil
	case "/flush":
		w.Flush()
		io.WriteString(w, "a")
		w.Flush()
	case "/broken":
		io.WriteString(w, "part")
		w.Flush()
		panic("late")
	case "/short":
		w.Headers().Set("Content-Length", "9")
		w.Flush()
	case "/stderr":
		io.WriteString(r.Stderr, "one")
		w.Flush()
		io.WriteString(r.Stderr, "two")
	case "/status":
		fastcgi.SetAppStatus(r.Context(), 3)
	case "/fields":
		w.Start("404 Gone Fishing")
		w.Headers().Add("x-b", "1")
		w.Headers().Add("X-A", "")
		w.Headers().Add("x-b", "2")
	case "/large":
		for range 30 {
			io.WriteString(w, strings.Repeat("large", 3000))
		}
	}
	return echo(w, r)
}

// streams are what TestEngines feeds to both: the vectors, and what the tests of this package say.
func streams(t *testing.T) []vectors.Vector {
	all := vectors.Load(t, "../testdata/fastcgi")
	add := func(name string, records ...string) {
		all = append(all, vectors.Vector{Name: name, Data: []byte(strings.Join(records, ""))})
	}
	for _, path := range []string{"/panic", "/goexit", "/error", "/empty", "/flush", "/broken", "/short", "/stderr", "/fields", "/large"} {
		add(path, get(1, keepConn, path))
	}
	add("appStatus", get(1, 0, "/status"))
	add("authorizer asked", begin(1, authorizer, 0), params(1))
	add("HEAD", head(1, 0, "REQUEST_METHOD", "HEAD", "REQUEST_URI", "/large"), rec(typeStdin, 1, ""))
	add("two", get(1, keepConn, "/one"), get(2, keepConn, "/large"))
	add("aborted and begun again", head(1, keepConn, "REQUEST_URI", "/"), rec(typeAbort, 1, ""), get(2, keepConn, "/next"))
	add("body in bytes", head(1, 0, "CONTENT_LENGTH", "3"), rec(typeStdin, 1, "a"), padded(typeStdin, 1, "b", "\x01\x05"), rec(typeStdin, 1, "c"), rec(typeStdin, 1, ""))
	add("body too short", head(1, 0, "CONTENT_LENGTH", "9"), rec(typeStdin, 1, "abc"), rec(typeStdin, 1, ""))
	add("body too long", head(1, 0, "CONTENT_LENGTH", "1"), rec(typeStdin, 1, "abc"), rec(typeStdin, 1, ""))
	add("body cut off", head(1, keepConn), rec(typeStdin, 1, "abc"))
	add("bad CONTENT_LENGTH", head(1, keepConn, "CONTENT_LENGTH", "+1"), rec(typeStdin, 1, ""))
	add("too many variables", begin(1, responder, keepConn), rec(typeParams, 1, strings.Repeat("\x01\x00A", 1025)), rec(typeParams, 1, ""), rec(typeStdin, 1, ""))
	add("too large variables", begin(1, responder, keepConn), strings.Repeat(rec(typeParams, 1, strings.Repeat("x", 60_000)), 5), rec(typeParams, 1, ""), rec(typeStdin, 1, ""))
	add("values", rec(typeGetValues, 0, pairs("FCGI_MAX_CONNS", "", "FCGI_MAX_REQS", "", "FCGI_MPXS_CONNS", "")))
	add("unknown management", rec(12, 0, "x"), rec(255, 0, ""), rec(typeGetValuesResult, 0, ""), rec(typeUnknownType, 0, "12345678"))
	return all
}

// TestEngines feeds each stream to both engines, as it is, byte by byte and in halves. The
// responses must be the same, but for what normalise leaves out and for what is on the list of
// differences.
func TestEngines(t *testing.T) {
	t.Parallel()
	ways := map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader, "halved": iotest.HalfReader,
	}
	all := streams(t)
	for name, d := range differences {
		if d.test == "" && !slices.ContainsFunc(all, func(v vectors.Vector) bool { return v.Name == name }) {
			t.Errorf("%q is on the list of differences, and there is no such stream", name)
		}
	}
	for _, v := range all {
		for way, wrap := range ways {
			t.Run(v.Name+"/"+way, func(t *testing.T) {
				if way == "byte by byte" && len(v.Data) > 10_000 {
					t.Skip("too long for that")
				}
				var got []string
				bothEngines(t, func(t *testing.T) { got = append(got, transcript(t, wrap(bytes.NewReader(withRequired(v.Data))))) })
				switch reason := differences[v.Name].reason; {
				case reason == "" && got[0] != got[1]:
					t.Errorf("Server answers\n%s\nand nethttp\n%s", got[0], got[1])
				case reason != "" && got[0] == got[1]:
					t.Errorf("it is on the list of differences, and there is none")
				}
			})
		}
	}
}

// withRequired adds the required variables to each request of a stream, after its BEGIN_REQUEST.
func withRequired(stream []byte) (all []byte) {
	for len(stream) >= 8 && stream[0] == 1 {
		size := min(8+int(binary.BigEndian.Uint16(stream[4:]))+int(stream[6]), len(stream))
		all = append(all, stream[:size]...)
		if stream[1] == typeBegin {
			all = append(all, rec(typeParams, binary.BigEndian.Uint16(stream[2:]), required)...)
		}
		stream = stream[size:]
	}
	return append(all, stream...)
}

// transcript sends a stream and describes all that comes back.
func transcript(t *testing.T, stream io.Reader) string {
	srv := start(t, &fastcgi.Server{App: gateway.AppFunc(variedApp), Authorizer: fastcgi.AuthorizerFunc(
		func(*gateway.Request) (fastcgi.Decision, error) { return fastcgi.Allow(), nil }), Filter: fastcgi.FilterFunc(tell)})
	c := dial(t, srv.addr)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		io.Copy(struct{ io.Writer }{c}, stream) // fails where the server closes early
		c.Conn.(*net.UnixConn).CloseWrite()
	}()
	var records []record
	r, err := c.read()
	for ; err == nil; r, err = c.read() {
		records = append(records, r)
	}
	<-sent
	srv.stop(t)
	return normalise(records, err, srv.log.String())
}

// reason finds why a connection was closed, or what was refused, in the log.
var reason = regexp.MustCompile(` reason="[^"]*"| msg="refusing[^"]*"`)

// normalise describes the streams and the end of each request. It leaves out where one record ends
// and the next begins and how they are padded, in which order come the records of several requests,
// those of STDOUT and STDERR, and the fields of a head, the Date of net/http/fcgi, and what exactly
// is said of an App that failed, on STDERR or in the log.
func normalise(records []record, err error, log string) string {
	if gateway.PeerGone(err) {
		err = io.EOF // as much input was unread when the connection was closed, and not
	}
	failed := strings.Contains(log, "request failed") || slices.ContainsFunc(records, func(r record) bool { return r.kind == typeStderr })
	lines := []string{fmt.Sprintf("an App failed: %t", failed)}
	open := make(map[uint16]*strings.Builder) // STDOUT so far, and its end
	for _, r := range records {
		if r.id == 0 {
			lines = append(lines, fmt.Sprintf("management: %+v", r))
			continue
		}
		if open[r.id] == nil {
			open[r.id] = new(strings.Builder)
		}
		switch {
		case r.kind == typeStdout && r.content != "":
			open[r.id].WriteString(r.content)
		case r.kind == typeStdout:
			open[r.id].WriteString("(end)")
		case r.kind == typeEnd:
			lines = append(lines, fmt.Sprintf("request %d: %q, END_REQUEST %q", r.id, sortedAll(open[r.id].String()), r.content))
			delete(open, r.id)
		}
	}
	for id, b := range open {
		lines = append(lines, fmt.Sprintf("request %d: %q, without an end", id, sortedAll(b.String())))
	}
	slices.Sort(lines)
	lines = append(lines, fmt.Sprint(err))
	return strings.Join(append(lines, reasons(log)...), "\n")
}

// sortedAll is sorted for a stream that may be empty.
func sortedAll(stdout string) string {
	if !strings.Contains(stdout, "\r\n\r\n") {
		return stdout
	}
	return sorted(stdout)
}

// reasons returns why connections were closed and requests refused, by the log.
func reasons(log string) (all []string) {
	for _, line := range reason.FindAllString(log, -1) {
		if !strings.Contains(line, "request failed") {
			all = append(all, strings.Replace(line, "nethttp: ", "fastcgi: ", 1))
		}
	}
	return all
}
