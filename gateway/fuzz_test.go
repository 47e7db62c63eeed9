package gateway

import (
	"bufio"
	"errors"
	"io"
	"maps"
	"math/big"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/util"
)

// An independent implementation of the rules.
var (
	goodStatus = regexp.MustCompile(`^[1-9][0-9][0-9] [^\x00-\x08\x0a-\x1f\x7f]*$`)
	goodName   = regexp.MustCompile("^[-!#$%&'*+.^_`|~0-9A-Za-z]+$")
	goodValue  = regexp.MustCompile(`^[^\x00-\x08\x0a-\x1f\x7f]*$`)
	digits     = regexp.MustCompile(`^[0-9]+$`)
)

// isGoodLength reports whether a Content-Length is a number that fits 63 bits.
func isGoodLength(value string) bool {
	n, ok := new(big.Int).SetString(value, 10)
	return ok && digits.MatchString(value) && n.IsInt64()
}

// expect returns the response to a GET whose App adds the fields, calls Start and writes body: its
// bytes, or those of the error page if a rule is broken.
func expect(status string, fields [][2]string, body string) string {
	if !goodStatus.MatchString(status) {
		return errorPage500
	}
	if status[0] == '1' {
		status = "200 OK"
	}
	bodyless := strings.HasPrefix(status, "204") || strings.HasPrefix(status, "205") || strings.HasPrefix(status, "304")
	head, length := "Status: "+status+"\r\n", ""
	for _, f := range fields {
		name, value := f[0], strings.Trim(f[1], " \t")
		isLength := strings.EqualFold(name, "Content-Length")
		switch {
		case !goodName.MatchString(name), !goodValue.MatchString(value), strings.EqualFold(name, "Status"), util.IsHopByHop(name),
			isLength && (length != "" || !isGoodLength(value)):
			return errorPage500
		case isLength:
			length = value
		}
		if !bodyless || !isLength && !strings.EqualFold(name, "Content-Type") {
			head += name + ": " + value + "\r\n"
		}
	}
	if bodyless {
		return head + "\r\n"
	}
	if n, _ := strconv.Atoi(length); length != "" && n != len(body) {
		return errorPage500
	}
	if length == "" && len(body) <= headBuffer {
		head += "Content-Length: " + strconv.Itoa(len(body)) + "\r\n"
	}
	return head + "\r\n" + body
}

// FuzzHead: the response has exactly the status and fields that the App set, or is the error page,
// and ReadResponse parses it to the same.
func FuzzHead(f *testing.F) {
	f.Add("200 OK", "Content-Type", "text/plain", "Set-Cookie", "a=b; Path=/", "hello")
	f.Add("204 No Content", "X", "", "x", " padded\t", "")
	f.Add("200 OK\r\nX: y", "A\r\nB", "c\r\n\r\n", "Status", "500", "x")
	f.Add("304 ", "Content-Length", "5", "Content-Length", "6", "abc")
	f.Add("200 OK", "content-length", "5", "A", "b", "hello")
	f.Add("103 Early Hints", "Link", "</x>", "content-TYPE", "a/b", "x")
	f.Add("200 OK", "Link", "</x>", "content-TYPE", "", "\x10")
	f.Add("304 ", "A", "b", "Content-Length", "7277777577777777575", "abc")
	f.Add("304 ", "A", "b", "Content-Length", "9999999999999999999", "abc")
	f.Add("299 \xff", "Transfer-Encoding", "chunked", "É", "\xe9", strings.Repeat("x", 5000))
	f.Fuzz(func(t *testing.T, status, name1, value1, name2, value2, body string) {
		fields := [][2]string{{name1, value1}, {name2, value2}}
		got := run("GET", func(w ResponseWriter, r *Request) error {
			for _, f := range fields {
				w.Headers().Add(f[0], f[1])
			}
			if err := w.Start(status); err != nil {
				return err
			}
			_, err := io.WriteString(w, body)
			return err
		})
		if errors.Is(got.err, ErrContentLength) && len(body) > headBuffer {
			return // the wrong length was seen too late for the error page
		}
		want := expect(status, fields, body)
		if got.out != want || got.err != nil {
			t.Fatalf("got %q, %v; want %q", got.out, got.err, want)
		}
		checkParses(t, got.out)
	})
}

// checkParses writes the response again from the result of ReadResponse.
func checkParses(t *testing.T, out string) {
	resp, err := ReadResponse(&closable{Reader: strings.NewReader(out)}, 1<<20)
	if err != nil {
		t.Fatalf("%q does not parse: %v", out, err)
	}
	body, err := io.ReadAll(resp.Body)
	again := string(appendHead(nil, resp.Status, resp.Headers)) + string(body)
	line, rest, _ := strings.Cut(out, "\r\n")
	if line = strings.TrimRight(line, " \t"); len(line) == len("Status: 200") {
		line += " " // the space in front of an empty reason
	}
	if again != line+"\r\n"+withoutIgnored(rest) || err != nil {
		t.Errorf("%q parses to %q, %v", out, again, err)
	}
}

// withoutIgnored returns the fields and the body without the fields that ReadResponse ignores since
// they have no value.
func withoutIgnored(rest string) string {
	kept := ""
	for !strings.HasPrefix(rest, "\r\n") {
		field, next, _ := strings.Cut(rest, "\r\n")
		name, value, _ := strings.Cut(field, ":")
		if !isServerField(name) || strings.Trim(value, " \t") != "" {
			kept += field + "\r\n"
		}
		rest = next
	}
	return kept + rest
}

// FuzzOriginHead: net/http parses an origin server's response to what the App sent: with a length,
// in chunks and up to the end of the connection.
func FuzzOriginHead(f *testing.F) {
	f.Add("200 OK", "Content-Type", "text/plain", "Set-Cookie", "a=b; Path=/", "hello", "HTTP/1.1", true)
	f.Add("404 ", "X", " padded\t", "x", "", "", "HTTP/1.1", true)
	f.Add("299 \xff", "DATE", "never", "server", "mine", strings.Repeat("x", 5000), "HTTP/1.1", false)
	f.Add("200 OK", "A", "b", "Pragma", "no-cache", "0\r\n\r\n", "HTTP/1.0", true)
	f.Add("304 Not Modified", "Content-Length", "5", "ETag", "x", "hello", "HTTP/1.1", true)
	f.Add("200 OK", "Content-Length", "5", "A", "\xe9", "hello", "HTTP/1.1", false)
	f.Add("103 Early Hints", "Transfer-Encoding", "chunked", "A\r\nB", "c\r\n\r\n", "x", "HTTP/1.1", false)
	f.Fuzz(func(t *testing.T, status, name1, value1, name2, value2, body, protocol string, early bool) {
		if strings.EqualFold(protocol, "HTTP/0.9") {
			return // no head
		}
		fields := [][2]string{{name1, value1}, {name2, value2}}
		app := then(func(w ResponseWriter, r *Request) error {
			for _, f := range fields {
				w.Headers().Add(f[0], f[1])
			}
			return w.Start(status)
		}, func(w ResponseWriter, r *Request) error {
			if !early {
				return nil
			}
			return w.Flush()
		}, write(body[:len(body)/2], body[len(body)/2:]))
		e := environ("REQUEST_METHOD", "GET", "SERVER_PROTOCOL", protocol)
		got := runHandler(&BaseCGIHandler{Environ: e, OriginServer: true, ServerSoftware: "x/1"}, app)
		if errors.Is(got.err, ErrContentLength) {
			return // seen too late for the error page
		}
		want := expect(status, fields, body)
		if got.err != nil {
			t.Fatalf("got %v", got.err)
		}
		checkOrigin(t, got.out, want)
	})
}

// checkOrigin compares a response that net/http has read with the CGI response of the same App.
func checkOrigin(t *testing.T, out, want string) {
	t.Helper()
	rest := bufio.NewReader(strings.NewReader(out))
	resp, err := http.ReadResponse(rest, nil)
	if err != nil {
		t.Fatalf("%q does not parse: %v", out, err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || rest.Buffered() > 0 {
		t.Fatalf("body of %q: %v, and %d bytes after it", out, err, rest.Buffered())
	}
	head, wantBody, _ := strings.Cut(want, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	wantFields := http.Header{}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		wantFields.Add(name, value)
	}
	for _, own := range []string{"Date", "Server", "Connection", "Transfer-Encoding", "Content-Length"} {
		if wantFields[own] == nil || own == "Content-Length" && resp.Header[own] == nil {
			resp.Header.Del(own)
			wantFields.Del(own)
		}
	}
	if wantFields.Get("Pragma") == "no-cache" && wantFields["Cache-Control"] == nil {
		resp.Header.Del("Cache-Control") // net/http's
	}
	if "Status: "+resp.Status != lines[0] || string(body) != wantBody || !maps.EqualFunc(resp.Header, wantFields, slices.Equal) {
		t.Errorf("%q is read as %q, %q, %q; want %q", out, resp.Status, resp.Header, body, want)
	}
}
