package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

// scripted is a Backend that runs a function as a script: it prints to stdout, and body is the
// request's.
func scripted(script func(body io.Reader, stdout io.Writer) error) Backend {
	return backendFunc(func(r *Request) (*Response, error) {
		stdout, w := io.Pipe()
		go func() { w.CloseWithError(script(r.Stdin, w)) }()
		return ReadResponse(stdout, 0)
	})
}

// web is a web server that sends the pieces of a body with pauses, and records when it receives the
// head.
type web struct {
	mu     sync.Mutex
	pieces []piece
	start  time.Time
	head   time.Duration // from the start to the first byte of the response
	unread int           // bytes of the body that were not sent by then
	out    bytes.Buffer
}

type piece struct {
	after time.Duration
	bytes string
}

func (s *web) Read(p []byte) (int, error) {
	if len(s.pieces) == 0 { // only Read takes pieces away
		return 0, io.EOF
	}
	time.Sleep(s.pieces[0].after)
	s.mu.Lock()
	defer s.mu.Unlock()
	n := copy(p, s.pieces[0].bytes)
	if s.pieces[0] = (piece{0, s.pieces[0].bytes[n:]}); s.pieces[0].bytes == "" {
		s.pieces = s.pieces[1:]
	}
	return n, nil
}

func (s *web) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out.Len() == 0 {
		s.head = time.Since(s.start)
		for _, p := range s.pieces {
			s.unread += len(p.bytes)
		}
	}
	return s.out.Write(p)
}

const scriptHead = "Content-Type: text/plain\n\n"

// TestForwardHoldsHead: the web server gets the head when it has sent the body, or when further
// waiting is useless.
func TestForwardHoldsHead(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", 20_000)
	for _, test := range []struct {
		name   string
		pieces []piece
		script func(body io.Reader, stdout io.Writer) error
		head   time.Duration
		unread int
		body   string
	}{
		{
			name:   "the body follows the head",
			pieces: []piece{{0, large}, {100 * time.Millisecond, large}, {150 * time.Millisecond, "end"}},
			script: func(body io.Reader, stdout io.Writer) error {
				io.WriteString(stdout, scriptHead+"begun ")
				n, err := io.Copy(io.Discard, body)
				io.WriteString(stdout, string(rune('0'+n%10)))
				return err
			},
			head: 250 * time.Millisecond,
			body: "begun 3",
		},
		{
			name:   "each piece is answered",
			pieces: []piece{{0, "a"}, {999 * time.Millisecond, "b"}, {999 * time.Millisecond, "c"}},
			script: func(body io.Reader, stdout io.Writer) error {
				io.WriteString(stdout, scriptHead)
				_, err := io.Copy(stdout, body)
				return err
			},
			head: 1998 * time.Millisecond,
			body: "abc",
		},
		{
			name:   "a client that waits for the answer",
			pieces: []piece{{0, "a"}, {2 * time.Second, "b"}},
			script: func(body io.Reader, stdout io.Writer) error {
				io.WriteString(stdout, scriptHead)
				_, err := io.Copy(stdout, body)
				return err
			},
			head:   1050 * time.Millisecond,
			unread: 1,
			body:   "ab",
		},
		{
			name:   "more output than is held",
			pieces: []piece{{0, "a"}, {100 * time.Millisecond, "b"}},
			script: func(body io.Reader, stdout io.Writer) error {
				io.WriteString(stdout, scriptHead)
				io.ReadFull(body, make([]byte, 1))
				io.WriteString(stdout, large)
				_, err := io.Copy(stdout, body)
				return err
			},
			unread: 1,
			body:   large + "b",
		},
		{
			name:   "a body that is not read, and a response that goes on",
			pieces: []piece{{0, "a"}},
			script: func(body io.Reader, stdout io.Writer) error {
				io.WriteString(stdout, scriptHead+"first")
				time.Sleep(time.Minute)
				io.WriteString(stdout, " last")
				return nil
			},
			head:   1050 * time.Millisecond,
			unread: 1,
			body:   "first last",
		},
		{
			name:   "a response that is whole before the body is read",
			pieces: []piece{{0, "a"}, {0, "b"}},
			script: func(body io.Reader, stdout io.Writer) error {
				io.WriteString(stdout, "Status: 413 Content Too Large\n"+scriptHead+"too large")
				return nil
			},
			unread: 2,
			body:   "too large",
		},
		{
			name:   "work before the rest of the body is read",
			pieces: []piece{{0, "a"}, {0, "b"}},
			script: func(body io.Reader, stdout io.Writer) error {
				io.ReadFull(body, make([]byte, 1))
				io.WriteString(stdout, scriptHead)
				time.Sleep(3 * time.Second)
				_, err := io.Copy(stdout, body)
				return err
			},
			head: 3 * time.Second,
			body: "b",
		},
		{
			name:   "a response without the rest of the body",
			pieces: []piece{{0, "a"}, {0, "b"}},
			script: func(body io.Reader, stdout io.Writer) error {
				io.ReadFull(body, make([]byte, 1))
				io.WriteString(stdout, scriptHead)
				time.Sleep(time.Minute)
				io.WriteString(stdout, "done")
				return nil
			},
			head:   5050 * time.Millisecond,
			unread: 1,
			body:   "done",
		},
		{
			name:   "a declared length",
			pieces: []piece{{0, large}, {100 * time.Millisecond, "b"}},
			script: func(body io.Reader, stdout io.Writer) error {
				io.WriteString(stdout, "Content-Length: 10000\n"+scriptHead+large[:9999])
				io.Copy(io.Discard, body)
				io.WriteString(stdout, "!")
				return nil
			},
			head: 100 * time.Millisecond,
			body: large[:9999] + "!",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &web{pieces: test.pieces, start: time.Now()}
				h := &BaseCGIHandler{Environ: environ("REQUEST_METHOD", "POST"), Stdin: s, StdinStream: true, Stdout: s}
				if err := h.Run(t.Context(), Forward(scripted(test.script))); err != nil {
					t.Fatal(err)
				}
				if s.head != test.head || s.unread != test.unread {
					t.Errorf("the head came after %v with %d bytes of the body to be sent; want %v and %d", s.head, s.unread, test.head, test.unread)
				}
				if _, body, _ := strings.Cut(s.out.String(), "\r\n\r\n"); body != test.body {
					t.Errorf("got %d bytes %.100q; want %d", len(body), body, len(test.body))
				}
				synctest.Wait()
			})
		})
	}
}

// TestForwardHeldFailure: a backend that fails while its head is held is answered by a page.
func TestForwardHeldFailure(t *testing.T) {
	broken := &BackendError{Status: 502, Reason: "the script failed", Err: errors.New("exit status 1")}
	synctest.Test(t, func(t *testing.T) {
		s := &web{pieces: []piece{{0, "a"}, {100 * time.Millisecond, "b"}}, start: time.Now()}
		h := &BaseCGIHandler{Environ: environ("REQUEST_METHOD", "POST"), Stdin: s, StdinStream: true, Stdout: s, Stderr: io.Discard}
		err := h.Run(t.Context(), Forward(scripted(func(body io.Reader, stdout io.Writer) error {
			io.WriteString(stdout, scriptHead+"begun")
			io.ReadFull(body, make([]byte, 1))
			return broken
		})))
		if err != nil || !strings.HasPrefix(s.out.String(), "Status: 502 Bad Gateway\r\n") || strings.Contains(s.out.String(), "begun") {
			t.Errorf("got %q, %v; want a page of 502", s.out.String(), err)
		}
	})
}

// TestTrackBody: the head is held too for a program that calls the Backend itself, if it calls
// TrackBody. A request without a body is returned unchanged.
func TestTrackBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &web{pieces: []piece{{0, "a"}, {100 * time.Millisecond, "b"}}, start: time.Now()}
		h := &BaseCGIHandler{Environ: environ("REQUEST_METHOD", "POST"), Stdin: s, StdinStream: true, Stdout: s}
		b := scripted(func(body io.Reader, stdout io.Writer) error {
			io.WriteString(stdout, scriptHead)
			_, err := io.Copy(stdout, body)
			return err
		})
		err := h.Run(t.Context(), AppFunc(func(w ResponseWriter, r *Request) error {
			r = TrackBody(r)
			resp, err := b.RoundTrip(r)
			if err != nil {
				return err
			}
			return Forward(backendFunc(func(*Request) (*Response, error) { return resp, nil })).ServeGateway(w, r)
		}))
		if err != nil || s.head != 100*time.Millisecond {
			t.Errorf("got %v, head after %v; want it after the body", err, s.head)
		}
	})
	for _, stdin := range []io.Reader{nil, NoBody} {
		if r := (&Request{Stdin: stdin}); TrackBody(r) != r {
			t.Errorf("a request with Stdin %v was changed", stdin)
		}
	}
}

// TestTrackBodyBlame: Blame works through a tracked body.
func TestTrackBodyBlame(t *testing.T) {
	broken := errors.New("connection reset")
	h := &BaseCGIHandler{
		Environ:     environ("REQUEST_METHOD", "POST"),
		Stdin:       iotest.ErrReader(broken),
		StdinStream: true,
		Stdout:      io.Discard,
		Stderr:      io.Discard,
	}
	h.Run(t.Context(), AppFunc(func(w ResponseWriter, r *Request) error {
		r = TrackBody(r)
		_, err := io.ReadAll(r.Stdin)
		if status, _ := ErrorPage(Blame(r, fmt.Errorf("my own words: %w", err))); status != "400 Bad Request" {
			t.Errorf("got %q; want 400", status)
		}
		return ErrAbort
	}))
}
