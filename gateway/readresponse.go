package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Bounds of a response head. nginx's default is 4 or 8 KiB in all, Apache's 8 KiB a line.
const (
	defaultMaxHead = 64 << 10
	maxHeadFields  = 1000
	maxInterim     = 16 // interim responses before the final one
)

// ReadResponse reads the head of a CGI response from stdout (RFC 3875 section 6.2) and returns it
// with the rest of stdout as its Body; closing the Body closes stdout. Lines end in LF or CRLF.
//
// A first line "HTTP/1.1 200 OK", as nph scripts and many SCGI applications send it, gives the
// status; a Status field beside it is dropped. A Content-Type, Location, Status or Content-Length
// without a value counts as not sent (section 6.3), and one that is sent again with the same value
// as sent once.
//
// Interim responses (status 1xx) before the final one are dropped, at most 16: they belong to the
// connection between the client and its web server.
//
// maxHead bounds all heads together, in bytes, the blank lines at their ends not counted; zero and
// negative mean 64 KiB. Each has at most 1,000 fields.
//
// Errors of stdout after the head come out of the Body as they are: a Backend wraps stdout, so that
// each is a [*BackendError].
//
// Anything else is a [*BackendError] that says why, and stdout is closed: a line that is not a
// field, white space before a colon, folded lines, a malformed status, two values of one of the
// four fields, a head that is too long or never ends, and none at all.
func ReadResponse(stdout io.ReadCloser, maxHead int) (*Response, error) {
	if maxHead <= 0 {
		maxHead = defaultMaxHead
	}
	body := &responseBody{ReadCloser: stdout}
	resp, err := body.readFinal(maxHead)
	if err != nil {
		stdout.Close()
		return nil, badHead(err)
	}
	resp.Body = body
	return resp, nil
}

func badHead(err error) error {
	var b *BackendError
	if errors.As(err, &b) {
		return err
	}
	return &BackendError{Status: 502, Reason: "the application sent a bad response head", Err: err}
}

// responseBody gives what was read with the head, and then the stream.
type responseBody struct {
	waiting []byte
	err     error // came with the last of waiting
	io.ReadCloser
}

// Buffered tells Forward whether a part of the body came with the head.
func (b *responseBody) Buffered() int { return len(b.waiting) }

func (b *responseBody) Read(p []byte) (int, error) {
	switch {
	case len(b.waiting) > 0:
		n := copy(p, b.waiting)
		if b.waiting = b.waiting[n:]; len(b.waiting) == 0 {
			b.waiting = nil // lets go of the head's buffer
		}
		return n, nil
	case b.err != nil:
		return 0, b.err
	}
	return b.ReadCloser.Read(p)
}

// readFinal returns the first response that is not an interim one. All heads together have most
// bytes.
func (b *responseBody) readFinal(most int) (*Response, error) {
	before := ""
	for range maxInterim + 1 {
		head, err := b.readHead(most)
		if err != nil {
			return nil, afterInterim(before, err)
		}
		resp, err := parseHead(head)
		if err != nil || !isInterim(resp.Status) {
			return resp, err
		}
		most, before = most-len(head), resp.Status
	}
	return nil, fmt.Errorf("more than %d interim responses", maxInterim)
}

// afterInterim adds to err, which is about the head of a response, what came before that.
func afterInterim(status string, err error) error {
	if status == "" || errors.As(err, new(*BackendError)) {
		return err
	}
	return fmt.Errorf("after the interim response %.64q: %w", status, err)
}

// readHead reads up to the blank line and returns the head without it. It keeps what was read after
// it.
func (b *responseBody) readHead(most int) (head []byte, err error) {
	buf := b.waiting // what came with an interim head
	if len(buf) == 0 {
		buf = make([]byte, 0, 512) // room for most heads; each response has its own
	}
	for scanned := 0; ; {
		end, next := blankLine(buf, scanned)
		switch {
		// after a head of most bytes half a blank line may be there
		case end > most || end < 0 && len(buf) > most+len("\r"):
			return nil, fmt.Errorf("longer than %d bytes", most)
		case end >= 0:
			b.waiting = buf[next:]
			return buf[:end], nil
		case b.err != nil:
			return nil, unfinished(buf, b.err)
		}
		scanned = len(buf) // blankLine looks back by itself
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		var n int
		n, b.err = readSome(b.ReadCloser, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
	}
}

// unfinished says why there is only a part of a head.
func unfinished(head []byte, err error) error {
	switch {
	case err != io.EOF:
		return err
	case len(head) == 0:
		return errors.New("nothing at all")
	}
	return fmt.Errorf("ends within the head: %.64q", head)
}

// blankLine finds the blank line whose LF is at from or later: the end of the head's last line, and
// the start of the body. A head may be empty, its blank line being the first. end is negative where
// there is no blank line yet.
func blankLine(b []byte, from int) (end, next int) {
	for i := from; ; i++ {
		line := bytes.IndexByte(b[i:], '\n')
		if line < 0 {
			return -1, 0
		}
		i += line
		switch start := bytes.LastIndexByte(b[:i], '\n') + 1; {
		case i == start:
			return start, i + 1
		case i == start+1 && b[start] == '\r':
			return start, i + 1
		}
	}
}
