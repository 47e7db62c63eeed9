package fastcgi_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
)

func TestClientRequest(t *testing.T) {
	for _, test := range []struct {
		name  string
		setup func(c *fastcgi.Client)
		r     *gateway.Request
		begin string
		pairs string
		stdin string
	}{
		{"no body", nil, requestOf("GET", nil, "A", "1", "A", "", "B", "\x00\xff"), "\x00\x01\x00",
			`[REQUEST_METHOD GET A 1 A  B ` + "\x00\xff]", ""},
		{"length of nothing", nil, requestOf("GET", strings.NewReader("ignored"), "CONTENT_LENGTH", "0"), "\x00\x01\x00",
			"[REQUEST_METHOD GET CONTENT_LENGTH 0]", ""},
		{"body in memory", nil, requestOf("POST", strings.NewReader("abcdef"), "CONTENT_LENGTH", "5"), "\x00\x01\x00",
			"[REQUEST_METHOD POST CONTENT_LENGTH 5]", "abcde"},
		{"body in memory of unknown length", nil, requestOf("POST", strings.NewReader("abc")), "\x00\x01\x00",
			"[REQUEST_METHOD POST]", "abc"},
		{"streamed body", nil, requestOf("POST", streamed("abcdef"), "CONTENT_LENGTH", "5"), "\x00\x01\x00",
			"[REQUEST_METHOD POST CONTENT_LENGTH 5]", "abcde"},
		{"streamed body of unknown length", nil, requestOf("POST", streamed("abcdef")), "\x00\x01\x00",
			"[REQUEST_METHOD POST]", "abcdef"},
		{"large body", nil, requestOf("POST", strings.NewReader(strings.Repeat("x", 1<<20)), "CONTENT_LENGTH", "1048576"), "\x00\x01\x00",
			"[REQUEST_METHOD POST CONTENT_LENGTH 1048576]", strings.Repeat("x", 1<<20)},
		{"kept", func(c *fastcgi.Client) { c.MaxIdleConns = 1 }, requestOf("GET", nil), "\x00\x01\x01", "[REQUEST_METHOD GET]", ""},
		{"authorizer (F30)", func(c *fastcgi.Client) { c.Role = fastcgi.RoleAuthorizer },
			requestOf("POST", streamed("abc"), "CONTENT_LENGTH", "3", "PATH_INFO", "/", "PATH_TRANSLATED", "/x", "SCRIPT_NAME", "/s", "X", "y"),
			"\x00\x02\x00", "[REQUEST_METHOD POST X y]", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := application(t, func(a appConn) {
				call, err := a.request()
				if err != nil {
					t.Error(err)
					return
				}
				if got := fmt.Sprint(call.pairs); got != test.pairs || call.stdin != test.stdin || call.begin != test.begin+"\x00\x00\x00\x00\x00" {
					t.Errorf("got %q, %.100q, %q; want %q, %.100q, %q", got, call.stdin, call.begin, test.pairs, test.stdin, test.begin)
				}
				a.say(whole(call.id, ok))
			})
			if test.setup != nil {
				test.setup(c)
			}
			if resp, got, err := exchange(c, test.r); got != "ok" || err != nil || resp.Headers.Get("Content-Type") != "text/plain" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

// php-fpm reads no pair that lies in two records, and none of more than 65,535 bytes with its
// padding (F44).
func TestClientParamsInRecords(t *testing.T) {
	// of values; a name of 4 bytes and lengths of 1 and 4 go with each, or of 1 and 1
	type sizes []int
	for _, test := range []struct {
		name      string
		values    sizes
		straddles bool
	}{
		{"one", sizes{10}, false},
		{"fill a record", sizes{65_528 - 9 - 20}, false}, // REQUEST_METHOD GET takes 19
		{"fill one, and one byte more", sizes{65_528 - 9 - 18}, false},
		{"many", make(sizes, 30_000), false},
		{"three large ones", sizes{60_000, 60_000, 60_000}, false},
		{"as large as a record", sizes{65_528 - 9}, false},
		{"larger than a record", sizes{1, 65_528 - 8, 1}, true},
		{"larger than three", sizes{1, 200_000, 1}, true},
		{"a large one first and last", sizes{200_000, 70_000}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := requestOf("GET", nil)
			want := []string{"REQUEST_METHOD", "GET"}
			for _, n := range test.values {
				value := strings.Repeat("v", n)
				r.Environ.Add("NAME", value)
				want = append(want, "NAME", value)
			}
			c := application(t, func(a appConn) {
				first := a.next()
				var got []string
				whole := ""
				for {
					r := a.next()
					if r.kind != typeParams {
						t.Fatalf("got a record of type %d", r.kind)
					}
					if r.content == "" {
						break
					}
					if len(r.content)+(-len(r.content)&7) > 65_535 {
						t.Errorf("a record of %d bytes and its padding is too long for php-fpm", len(r.content))
					}
					whole += r.content
					if !test.straddles {
						// panics if a pair continues after the record
						got = append(got, cutPairs(r.content)...)
					}
				}
				if test.straddles {
					got = cutPairs(whole)
				}
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("got %.200q; want %.200q", got, want)
				}
				a.next()
				a.say(stdout(first.id, ok), end(first.id, 0, 0))
			})
			if _, got, err := exchange(c, r); got != "ok" || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestClientAnswers(t *testing.T) {
	const head = "Status: 201 Created\r\nX: y\r\n\r\n"
	late := strings.Repeat(rec(typeStderr, 1, ""), 10)
	for _, test := range []struct {
		name       string
		answer     string
		body       string
		headStatus int // of RoundTrip's BackendError
		bodyStatus int // of the Body's
		reason     string
		exit       int
	}{
		{name: "whole", answer: whole(1, head+"abc"), body: "abc"},
		{name: "no end of STDOUT", answer: stdout(1, head+"abc") + end(1, 0, 0), body: "abc"},
		{name: "no body", answer: whole(1, head)},
		{name: "exit status", answer: stdout(1, head) + end(1, 255, 0), exit: 255},
		{name: "padding of 255", answer: padded(typeStdout, 1, head+"a", strings.Repeat("\xff", 255)) + padded(typeEnd, 1, string(make([]byte, 8)), strings.Repeat("\xff", 255)), body: "a"},
		{name: "65,535 and padding (F2)", answer: stdout(1, head) + padded(typeStdout, 1, strings.Repeat("x", 65_535), strings.Repeat("\xff", 255)) + end(1, 0, 0), body: strings.Repeat("x", 65_535)},
		{name: "empty STDOUT in the middle (F28)", answer: stdout(1, head+"a") + stdout(1, "") + whole(1, "b"), body: "ab"},
		{name: "empty records", answer: late + stdout(1, head+"a") + late + end(1, 0, 0), body: "a"},
		{name: "what was not asked for", answer: rec(typeGetValuesResult, 0, "\x01\x01ab") + rec(typeUnknownType, 0, string(make([]byte, 8))) + whole(1, head+"a"), body: "a"},
		{name: "declared length", answer: whole(1, "Content-Length: 3\r\n\r\nabc"), body: "abc"},
		{name: "more than the declared length (F46)", answer: whole(1, "Content-Length: 3\r\n\r\nabcdef"), body: "abc"},
		{name: "far more than that", answer: stdout(1, "Content-Length: 3\r\n\r\nabc") + strings.Repeat(stdout(1, strings.Repeat("x", 60_000)), 20) + end(1, 0, 0),
			body: "abc"},
		{name: "less than the declared length (F46)", answer: whole(1, "Content-Length: 4\r\n\r\nabc"), body: "abc", bodyStatus: 502, reason: "shorter"},
		{name: "304 with a length", answer: whole(1, "Status: 304 Not Modified\r\nContent-Length: 4\r\n\r\n")},
		{name: "204 with a length", answer: whole(1, "Status: 204 No Content\r\nContent-Length: 4\r\n\r\n")},

		{name: "nothing", headStatus: 502, reason: "unexpected EOF"},
		{name: "end before the head (F39)", answer: end(1, 0, 0), headStatus: 502, reason: "nothing at all"},
		{name: "empty answer (F41)", answer: whole(1, ""), headStatus: 502, reason: "nothing at all"},
		{name: "end within the head", answer: whole(1, "X: y\r\n"), headStatus: 502, reason: "ends within the head"},
		{name: "no head", answer: whole(1, "hello\r\n\r\n"), headStatus: 502, reason: "without a colon"},
		{name: "bad status", answer: whole(1, "Status: 99\r\n\r\n"), headStatus: 502, reason: "99"},
		{name: "interim status", answer: whole(1, "Status: 103 Early Hints\r\n\r\n"), headStatus: 502, reason: "103"},
		{name: "a field of 1 MB", answer: strings.Repeat(stdout(1, "X: "+strings.Repeat("y", 60_000)), 17) + whole(1, "\r\n\r\n"), headStatus: 502, reason: "longer than"},
		{name: "overloaded (F39)", answer: end(1, 0, 2), headStatus: 503, reason: "FCGI_OVERLOADED"},
		{name: "cannot multiplex (F39)", answer: end(1, 0, 1), headStatus: 503, reason: "FCGI_CANT_MPX_CONN"},
		{name: "unknown role (F39)", answer: end(1, 0, 3), headStatus: 502, reason: "FCGI_UNKNOWN_ROLE"},
		{name: "another protocol status", answer: end(1, 0, 9), headStatus: 502, reason: "protocol status 9"},
		{name: "overloaded in the body", answer: stdout(1, head+"abc") + end(1, 0, 2), body: "abc", bodyStatus: 503, reason: "FCGI_OVERLOADED"},
		{name: "no end (F40)", answer: stdout(1, head+"abc") + stdout(1, ""), body: "abc", bodyStatus: 502, reason: "unexpected EOF"},
		{name: "declared length and no end (F40)", answer: stdout(1, "Content-Length: 3\r\n\r\nabc"), body: "abc", bodyStatus: 502, reason: "unexpected EOF"},
		{name: "version 2 (F38)", answer: "\x02" + whole(1, head)[1:], headStatus: 502, reason: "version 2"},
		{name: "wrong id (F38)", answer: whole(2, head), headStatus: 502, reason: "request 2"},
		{name: "wrong id in the body (F38)", answer: stdout(1, head+"a") + stdout(7, "b") + end(1, 0, 0), body: "a", bodyStatus: 502, reason: "request 7"},
		{name: "STDOUT of request 0 (F38)", answer: stdout(0, head), headStatus: 502, reason: "request 0"},
		{name: "a type for applications (F38)", answer: rec(typeParams, 1, ""), headStatus: 502, reason: "type 4"},
		{name: "a type that there is not (F38)", answer: rec(99, 1, ""), headStatus: 502, reason: "type 99"},
		{name: "short END_REQUEST", answer: stdout(1, head+"a") + rec(typeEnd, 1, "1234567"), body: "a", bodyStatus: 502, reason: "7 bytes"},
		{name: "long END_REQUEST", answer: stdout(1, head+"a") + rec(typeEnd, 1, "123456789"), body: "a", bodyStatus: 502, reason: "9 bytes"},
		{name: "empty records without end", answer: strings.Repeat(rec(typeStderr, 1, ""), 1001), headStatus: 502, reason: "in a row without content"},
		{name: "management records without end", answer: strings.Repeat(rec(typeUnknownType, 0, "12345678"), 1001), headStatus: 502, reason: "in a row without content"},
		{name: "the mark of a broken answer", answer: stdout(1, head+"a") + strings.Repeat("\xff", 8), body: "a", bodyStatus: 502, reason: "version 255"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := application(t, func(a appConn) {
				a.request()
				a.say(test.answer)
			})
			resp, err := c.RoundTrip(requestOf("GET", nil))
			if backendStatus(err) != test.headStatus || err != nil && !strings.Contains(err.Error(), test.reason) {
				t.Fatalf("RoundTrip: got %v; want a BackendError of %d with %q", err, test.headStatus, test.reason)
			}
			if err != nil {
				return
			}
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			if string(got) != test.body || backendStatus(err) != test.bodyStatus || err != nil && !strings.Contains(err.Error(), test.reason) {
				t.Errorf("got %d bytes %.20q, %v; want %d and a BackendError of %d with %q", len(got), got, err, len(test.body), test.bodyStatus, test.reason)
			}
			if resp.ExitStatus != test.exit {
				t.Errorf("got exit status %d; want %d", resp.ExitStatus, test.exit)
			}
			if _, again := resp.Body.Read(make([]byte, 1)); (err == nil) != (again == io.EOF) {
				t.Errorf("the error is first %v and then %v", err, again)
			}
		})
	}
}

// A caller gets at both statuses of a refusal.
func TestClientEndRequest(t *testing.T) {
	c := application(t, func(a appConn) {
		a.request()
		a.say(end(1, 7, 2))
	})
	_, err := c.RoundTrip(requestOf("GET", nil))
	if refused := (wire.EndRequest{}); !errors.As(err, &refused) || refused != (wire.EndRequest{AppStatus: 7, ProtocolStatus: wire.Overloaded}) {
		t.Errorf("got %v, with %+v; want application status 7 and FCGI_OVERLOADED", err, refused)
	}
}

// A HEAD response has a length and no body.
func TestClientHead(t *testing.T) {
	c := application(t, func(a appConn) {
		call, _ := a.request()
		a.say(whole(call.id, "Content-Length: 4\r\n\r\n"))
	})
	if resp, got, err := exchange(c, requestOf("HEAD", nil)); got != "" || err != nil || resp.Headers.Get("Content-Length") != "4" {
		t.Errorf("got %q, %v", got, err)
	}
}

// The application dies at every byte of its answer: a part never passes for the whole (F40). And it
// dribbles: records, head and lines may be cut anywhere (F42).
func TestClientDiesAtEveryByte(t *testing.T) {
	answers := map[string]string{
		"records":         rec(typeStderr, 1, "log") + padded(typeStdout, 1, "Status: 200 OK\r", "..") + whole(1, "\n\r\nbody"),
		"declared length": whole(1, "Content-Length: 4\r\n\r\nbody"),
		"padded end":      whole(1, "A: b\r\n\r\nbody")[:len(whole(1, "A: b\r\n\r\nbody"))-16] + padded(typeEnd, 1, string(make([]byte, 8)), "..."),
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			for n := range len(answer) + 1 {
				c := application(t, func(a appConn) {
					a.request()
					for i := range n {
						a.say(answer[i : i+1])
					}
				})
				_, got, err := exchange(c, requestOf("GET", nil))
				if whole := n == len(answer); whole && (got != "body" || err != nil) || !whole && backendStatus(err) != 502 {
					t.Errorf("%d of %d bytes: got %q, %v", n, len(answer), got, err)
				}
				if !strings.HasPrefix("body", got) {
					t.Errorf("%d of %d bytes: got %q", n, len(answer), got)
				}
			}
		})
	}
}

func TestClientReset(t *testing.T) {
	taken := make(chan bool)
	c := applicationOn(t, "tcp", func(a appConn) {
		call, _ := a.request()
		a.say(stdout(call.id, "A: b\r\n\r\npart"))
		<-taken
		a.Conn.(*net.TCPConn).SetLinger(0)
	})
	resp, err := c.RoundTrip(requestOf("GET", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	io.ReadFull(resp.Body, make([]byte, 4))
	close(taken)
	if rest, err := io.ReadAll(resp.Body); len(rest) != 0 || backendStatus(err) != 502 || !gateway.PeerGone(err) {
		t.Errorf("got %q, %v; want a 502 that tells of the reset", rest, err)
	}
}

// An answer may come while the body goes up, and the end of the exchange ends the body (F48).
func TestClientEarlyAnswer(t *testing.T) {
	c := application(t, func(a appConn) {
		call, _ := a.head()
		a.say(whole(call.id, "Status: 413 Content Too Large\r\n\r\nno"))
		a.hangUp()
	})
	for range 3 {
		resp, got, err := exchange(c, requestOf("POST", endless{}))
		if got != "no" || err != nil || resp.Status != "413 Content Too Large" {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if s := c.Stats(); s.Dialed != 3 || s.Idle != 0 || s.Active != 0 {
		t.Errorf("got %+v; want no connection used again", s)
	}
}

// As above, but the application closes at once, with the body unread.
func TestClientEarlyAnswerAndClose(t *testing.T) {
	c := application(t, func(a appConn) {
		call, _ := a.head()
		a.say(whole(call.id, ok))
	})
	for range 20 {
		if _, got, err := exchange(c, requestOf("POST", endless{})); backendStatus(err) != 502 && (got != "ok" || err != nil) {
			t.Errorf("got %q, %v; want ok, or a 502 where the reset overtook it", got, err)
		}
	}
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// Each byte of the body is answered before the next one is sent.
func TestClientFullDuplex(t *testing.T) {
	c := application(t, func(a appConn) {
		call, _ := a.head()
		a.say(stdout(call.id, "A: b\r\n\r\n"))
		for {
			r := a.next()
			if r.content == "" {
				a.say(end(call.id, 0, 0))
				return
			}
			a.say(stdout(call.id, r.content))
		}
	})
	body, feed := io.Pipe()
	resp, err := c.RoundTrip(requestOf("POST", body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for _, b := range []byte("duplex") {
		feed.Write([]byte{b})
		var got [1]byte
		if _, err := io.ReadFull(resp.Body, got[:]); err != nil || got[0] != b {
			t.Fatalf("got %q, %v; want %q", got, err, b)
		}
	}
	feed.Close()
	if rest, err := io.ReadAll(resp.Body); len(rest) > 0 || err != nil {
		t.Errorf("got %q, %v", rest, err)
	}
}

// A body that is cut off must not look complete to the application, nor its response to the client.
func TestClientBrokenBody(t *testing.T) {
	cut := errors.New("on purpose")
	for _, test := range []struct {
		name string
		r    *gateway.Request
		want error
		sent bool
	}{
		{"fails", requestOf("POST", io.MultiReader(streamed("12345"), errorReader{cut})), cut, true},
		{"fails at its last byte", requestOf("POST", io.MultiReader(streamed("12345"), errorReader{cut}), "CONTENT_LENGTH", "6"), cut, true},
		{"too short", requestOf("POST", streamed("12345"), "CONTENT_LENGTH", "10"), io.ErrUnexpectedEOF, true},
		{"too short in memory", requestOf("POST", strings.NewReader("12345"), "CONTENT_LENGTH", "10"), io.ErrUnexpectedEOF, false},
		{"gives nothing", requestOf("POST", nothing{}), io.ErrNoProgress, true},
		{"too large", requestOf("POST", io.MultiReader(streamed("1"), errorReader{&gateway.BodyTooLargeError{Limit: 1}})), nil, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			saw := make(chan error, 1)
			c := application(t, func(a appConn) {
				_, err := a.request()
				saw <- err
			})
			_, _, err := exchange(c, test.r)
			tooLarge := (*gateway.BodyTooLargeError)(nil)
			if test.want == nil && !errors.As(err, &tooLarge) || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("got %v; want %v", err, test.want)
			}
			if test.sent {
				if err := <-saw; err == nil {
					t.Error("the application saw a whole request")
				}
			}
		})
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, nil }

func TestClientBadLength(t *testing.T) {
	c := &fastcgi.Client{Addr: "127.0.0.1:1"} // is not reached
	for _, r := range []*gateway.Request{
		requestOf("POST", strings.NewReader("x"), "CONTENT_LENGTH", "-1"),
		requestOf("POST", strings.NewReader("x"), "CONTENT_LENGTH", "1x"),
		requestOf("POST", nil, "CONTENT_LENGTH", "1"),
	} {
		var bad *gateway.RequestError
		if _, err := c.RoundTrip(r); !errors.As(err, &bad) {
			t.Errorf("got %v; want a RequestError", err)
		}
	}
}
