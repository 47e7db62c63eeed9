package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Limits of a response head. The default of nginx is 4 or 8 KiB for the head, that of Apache 8 KiB
// for each line.
const (
	defaultMaxHead = 64 << 10
	maxHeadFields  = 1000
	maxInterim     = 16 // interim responses before the final one
)

// ReadResponse reads the head of a CGI response from stdout (RFC 3875 section 6.2). The rest of
// stdout is the Body; Close of the Body closes stdout. Lines end in LF or CRLF.
//
// If the first line is a status line such as "HTTP/1.1 200 OK", which nph scripts and many SCGI
// applications send, it sets the status, and a Status field is dropped. A Content-Type, Location,
// Status or Content-Length without a value is ignored (section 6.3). If one of the four is repeated
// with the same value, the repetition is ignored.
//
// At most 16 interim responses (status 1xx) before the final one are dropped. They concern only the
// connection between the client and its web server.
//
// maxHead limits the total size of all heads, in bytes, without the blank lines at their ends. Zero
// and negative mean 64 KiB. Each head has at most 1,000 fields.
//
// The Body returns errors of stdout unchanged. A Backend must wrap stdout, so that each error is a
// [*BackendError].
//
// For a malformed head, ReadResponse closes stdout and returns a [*BackendError] around a
// [*HeadError] with the reason. A head is malformed if it has a line that is not a field, white
// space before a colon, a folded line, a malformed status or two values of one of the four fields,
// or if it is empty, too long or not complete.
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

// HeadError reports the head of a response that is malformed or missing.
type HeadError struct {
	Err error // the fault

	// Start is the beginning of the head, as far as it was read, cut to 256 bytes. It is empty if
	// the application sent nothing.
	Start string
}

// Error returns the text of Err, for a log. Bad input in it is quoted and cut.
func (e *HeadError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *HeadError) Unwrap() error { return e.Err }

// startOfHead limits the Start of a HeadError, in bytes. That is enough to recognise text that was
// sent in place of a head.
const startOfHead = 256

func badHead(err error) error {
	var b *BackendError
	if errors.As(err, &b) {
		return err
	}
	return &BackendError{Status: 502, Reason: "the application sent a bad response head", Err: err}
}

// responseBody returns the bytes that were read with the head, and then those of the stream.
type responseBody struct {
	pending []byte
	err     error // returned by the stream with the last bytes of pending
	io.ReadCloser
}

// Buffered returns how many bytes of the body the next Reads return at least without waiting.
// Forward calls it.
func (b *responseBody) Buffered() int {
	if len(b.pending) > 0 || b.err != nil {
		return len(b.pending)
	}
	return buffered(b.ReadCloser)
}

// buffered returns how many bytes the next Reads of r return at least without waiting, as far as r
// tells.
func buffered(r io.Reader) int {
	if b, ok := r.(interface{ Buffered() int }); ok {
		return b.Buffered()
	}
	return 0
}

func (b *responseBody) Read(p []byte) (int, error) {
	switch {
	case len(b.pending) > 0:
		n := copy(p, b.pending)
		if b.pending = b.pending[n:]; len(b.pending) == 0 {
			b.pending = nil // frees the buffer of the head
		}
		return n, nil
	case b.err != nil:
		return 0, b.err
	}
	return b.ReadCloser.Read(p)
}

// readFinal returns the first response that is not interim. All heads together may have most bytes.
func (b *responseBody) readFinal(most int) (*Response, error) {
	before := ""
	for range maxInterim + 1 {
		head, err := b.readHead(most)
		if err != nil {
			return nil, headError(head, afterInterim(before, err))
		}
		resp, err := parseHead(head)
		if err != nil {
			return nil, headError(head, err)
		}
		if !isInterim(resp.Status) {
			return resp, nil
		}
		most, before = most-len(head), resp.Status
	}
	return nil, fmt.Errorf("more than %d interim responses", maxInterim)
}

// afterInterim adds the status of the preceding interim response, if any, to err.
func afterInterim(status string, err error) error {
	if status == "" || errors.As(err, new(*BackendError)) {
		return err
	}
	return fmt.Errorf("after the interim response %.64q: %w", status, err)
}

// headError returns err, a fault of the head of a response, as a HeadError with the start of the
// head. It returns a failure of stdout unchanged.
func headError(head []byte, err error) error {
	if errors.As(err, new(*BackendError)) {
		return err
	}
	return &HeadError{Err: err, Start: string(head[:min(len(head), startOfHead)])}
}

// readHead reads up to the blank line and returns the head without it. It keeps the bytes after the
// blank line in pending. With an error it returns what was read of the head.
func (b *responseBody) readHead(most int) (head []byte, err error) {
	buf := b.pending // read with an interim head
	if len(buf) == 0 {
		buf = make([]byte, 0, 512) // room for most heads; each response has its own
	}
	for scanned := 0; ; {
		end, next := blankLine(buf, scanned)
		switch {
		// a head of most bytes may be followed by the CR of its blank line
		case end > most || end < 0 && len(buf) > most+len("\r"):
			return buf, fmt.Errorf("longer than %d bytes", most)
		case end >= 0:
			b.pending = buf[next:]
			return buf[:end], nil
		case b.err != nil:
			return buf, partialHeadError(buf, b.err)
		}
		scanned = len(buf) // blankLine looks back to the start of a line itself
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		var n int
		n, b.err = readSome(b.ReadCloser, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
	}
}

// partialHeadError returns why head is not complete.
func partialHeadError(head []byte, err error) error {
	switch {
	case err != io.EOF:
		return err
	case len(head) == 0:
		return errors.New("nothing at all")
	}
	return fmt.Errorf("ends within the head: %.64q", head)
}

// blankLine finds the first blank line whose LF is at from or later. It returns the end of the
// head, which is where that line begins, and the start of the body. If b begins with a blank line,
// the head is empty. end is negative if b has no blank line yet.
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
