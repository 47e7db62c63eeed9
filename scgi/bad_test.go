package scgi

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/vectors"
)

// wellBehaved asks for one good answer: what went before must not have harmed the server.
func (r *running) wellBehaved() {
	r.t.Helper()
	r.expect(request("x"), helloAnswer)
}

// askLoosely is ask for a peer that may be cut off while it still writes.
func (r *running) askLoosely(raw string) (string, error) {
	c := r.dial()
	defer c.Close()
	go func() {
		io.WriteString(c, raw)
		c.(interface{ CloseWrite() error }).CloseWrite()
	}()
	b, err := io.ReadAll(c)
	return string(b), err
}

// Every malformed vector: no answer, the connection closed, one line logged that names what and
// where, and the next request fine.
func TestMalformedRequestsAreClosed(t *testing.T) {
	bothNetworks(t, func(t *testing.T, network string) {
		s := start(t, network, &Server{App: hello})
		for _, v := range vectors.Load(t, requests) {
			want, isError := strings.CutPrefix(v.Expect, "error: ")
			if !isError || strings.Contains(want, "more than") {
				continue
			}
			before := len(s.log.lines())
			if got, _ := s.askLoosely(string(v.Data)); got != "" {
				t.Errorf("%s: got the answer %q", v.Name, got)
			}
			s.wellBehaved()
			lines := s.log.lines()[before:]
			switch {
			case v.Name == "nothing" && len(lines) == 0:
			case v.Name != "nothing" && len(lines) == 1 && strings.Contains(lines[0], fmt.Sprintf("error=%q", want)):
			case len(lines) == 1 && strings.Contains(lines[0], "error=\""+want):
			default:
				t.Errorf("%s: logged %q; want one line with %s", v.Name, lines, want)
			}
		}
	})
}

// A faulty SCGI request is answered with a page, and one line is logged.
func TestBadRequestsArePages(t *testing.T) {
	length := func(value string, more ...string) string {
		block := "CONTENT_LENGTH\x00" + value + "\x00SCGI\x001\x00"
		for _, s := range more {
			block += s + "\x00"
		}
		return netstring(block) + "12345"
	}
	for _, test := range []struct{ name, raw, status string }{
		{"length negative", length("-1"), "400"},
		{"length with a plus", length("+5"), "400"},
		{"length in hex", length("0x5"), "400"},
		{"length with an underscore", length("1_0"), "400"},
		{"length with a space", length(" 5"), "400"},
		{"length overflows", length("9223372036854775808"), "400"},
		{"length overflows by far", length(strings.Repeat("9", 400)), "400"},
		{"length empty", length(""), "411"},
		{"two lengths", length("5", "CONTENT_LENGTH", "6"), "400"},
		{"two lengths, one of a client", length("5", "HTTP_CONTENT_LENGTH", "6"), "400"},
		{"a name is empty", length("5", "", "x"), "400"},
		{"body too large", length("1001"), "413"},
		{"body far too large", length("9223372036854775807"), "413"},
		{"block too large", netstring("CONTENT_LENGTH\x000\x00SCGI\x001\x00X\x00" + strings.Repeat("x", 2000) + "\x00"), "431"},
		{"block far too large", "9999999999999999999999:", "431"},
		{"too many variables", length("0", strings.Split(strings.Repeat("A b ", 19), " ")[:38]...), "431"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, "tcp", &Server{App: hello, MaxBodyBytes: 1000, MaxParamsBytes: 1000, MaxParams: 20})
			got, err := s.askLoosely(test.raw)
			if status := readStatus(t, got); !strings.HasPrefix(status, test.status) || err != nil {
				t.Errorf("got %q, %v; want %s", status, err, test.status)
			}
			if n := len(s.log.lines()); n != 1 {
				t.Errorf("logged %d lines; want 1:\n%s", n, s.log)
			}
			s.wellBehaved()
		})
	}
}

// The page of a refused request has the fields of all responses, and the id that Refused gets.
func TestRefusedOwnFields(t *testing.T) {
	app, err := gateway.WithFields(hello, "X-Own: yes")
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range []string{
		netstring("CONTENT_LENGTH\x00\x00SCGI\x001\x00"), netstring("CONTENT_LENGTH\x00-1\x00SCGI\x001\x00"), "9999999999999999999999:",
	} {
		ids := make(chan string, 1)
		s := start(t, "tcp", &Server{App: gateway.Identify(app), Refused: func(f *gateway.Refusal) { ids <- f.Request.ID() }})
		got, err := s.askLoosely(raw)
		if id := <-ids; err != nil || strings.Count(got, "\r\nX-Own: yes\r\n") != 1 || id == "" || strings.Count(got, "\r\nX-Request-ID: "+id+"\r\n") != 1 {
			t.Errorf("got %q, %v; want the field of all responses and the id %q", got, err, id)
		}
	}
}

// Equal lengths are no contradiction: nginx sends a second one where its configuration has a line
// for it.
func TestEqualLengthsAreFine(t *testing.T) {
	s := start(t, "unix", &Server{App: echo})
	s.expect(request("ab", "CONTENT_LENGTH", "2"), "Status: 200 OK\r\nContent-Length: 10\r\n\r\nab|2 <nil>")
	s.expect(request("", "CONTENT_LENGTH", ""), "Status: 200 OK\r\nContent-Length: 8\r\n\r\n|0 <nil>")
}

// S6: a body that ends early is an error to the App, never its clean end.
func TestBodyCutShort(t *testing.T) {
	bothNetworks(t, func(t *testing.T, network string) {
		result := make(chan error, 1)
		s := start(t, network, &Server{App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			_, err := io.ReadAll(r.Stdin)
			result <- err
			return nil
		})})
		whole := request("0123456789")
		for n := 1; n <= 10; n++ {
			s.askLoosely(whole[:len(whole)-n])
			if err := <-result; err != io.ErrUnexpectedEOF {
				t.Errorf("a body short of %d bytes: the app got %v", n, err)
			}
		}
		s.askLoosely(whole)
		if err := <-result; err != nil {
			t.Errorf("the whole body: the app got %v", err)
		}
	})
}

// S12: a slow peer has one ReadTimeout for its head, however often it sends a byte.
func TestSlowHeadIsClosed(t *testing.T) {
	bothNetworks(t, func(t *testing.T, network string) {
		s := start(t, network, &Server{App: hello, ReadTimeout: 150 * time.Millisecond})
		c := s.dial()
		begin := time.Now()
		raw := request(strings.Repeat("x", 1000))
		for i := range len(raw) {
			if _, err := io.WriteString(c, raw[i:i+1]); err != nil {
				break
			}
			if time.Since(begin) > 10*time.Second {
				t.Fatal("still taking bytes")
			}
			time.Sleep(10 * time.Millisecond) // the peer is slow
		}
		if b, _ := io.ReadAll(c); len(b) != 0 {
			t.Errorf("got the answer %q", b)
		}
		s.wellBehaved()
		if lines := s.log.lines(); len(lines) != 1 || !strings.Contains(lines[0], "timeout") {
			t.Errorf("logged %q; want one line about a timeout", lines)
		}
	})
}

// S9: a slow body is fine, as long as something comes within each ReadTimeout.
func TestSlowBodyIsRead(t *testing.T) {
	t.Parallel()
	bothNetworks(t, func(t *testing.T, network string) {
		t.Parallel()
		s := start(t, network, &Server{App: echo, ReadTimeout: 400 * time.Millisecond})
		raw := request("0123456789")
		c := s.send(raw[:len(raw)-10])
		for i := len(raw) - 10; i < len(raw); i++ {
			time.Sleep(60 * time.Millisecond) // the peer is slow: 600 ms in all
			io.WriteString(c, raw[i:i+1])
		}
		got, err := io.ReadAll(c)
		if !strings.HasSuffix(string(got), "0123456789|10 <nil>") || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		c = s.send(raw[:len(raw)-5])
		if got, _ := io.ReadAll(c); !strings.Contains(string(got), "01234|5 ") || !strings.Contains(string(got), "timeout") {
			t.Errorf("a body that stops: got %q; want a timeout", got)
		}
	})
}

// S9: all splits of a request, and S7: no half-close by the peer is needed.
func TestRequestInTwoPieces(t *testing.T) {
	bothNetworks(t, func(t *testing.T, network string) {
		s := start(t, network, &Server{App: echo})
		raw := request("ab", "X", "y")
		for i := 1; i < len(raw); i++ {
			c := s.send(raw[:i])
			waitUntil(t, func() bool { return s.Stats().Idle+s.Stats().Active > 0 })
			io.WriteString(c, raw[i:])
			got, err := io.ReadAll(c)
			if !strings.HasSuffix(string(got), "ab|2 <nil>") || err != nil {
				t.Errorf("split at %d: got %q, %v", i, got, err)
			}
			c.Close()
		}
	})
}

// waitUntil gives other goroutines time until something is so.
func waitUntil(t *testing.T, so func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited 10 s in vain")
		}
	}
}

// CVE-2012-6687 was about descriptors above 1024.
func TestManyIdleConnections(t *testing.T) {
	bothNetworks(t, func(t *testing.T, network string) {
		s := start(t, network, &Server{App: hello})
		var open []net.Conn
		for range 1100 {
			open = append(open, s.dial())
		}
		waitUntil(t, func() bool { return s.Stats().Idle == 1100 })
		s.wellBehaved()
		io.WriteString(open[1099], request(""))
		if got, err := io.ReadAll(open[1099]); string(got) != helloAnswer || err != nil {
			t.Errorf("the last of 1,100 got %q, %v", got, err)
		}
		for _, c := range open {
			c.Close()
		}
		waitUntil(t, func() bool { return s.Stats().Idle == 0 })
		if text := s.log.String(); text != "" {
			t.Errorf("logged %q", text)
		}
	})
}
