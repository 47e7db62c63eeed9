package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cgikit/cgikit/headers"
)

// Bounds of a response head where ReadResponse is given none. nginx's default is 4 or 8 KiB in all, Apache's 8 KiB a line.
const (
	defaultMaxHead = 64 << 10
	maxHeadFields  = 1000
)

// ReadResponse reads the head of a CGI response from stdout (RFC 3875 section 6.2) and returns it with the rest of stdout as
// its Body; closing the Body closes stdout. Lines end in LF or CRLF. A first line "HTTP/1.x 200 OK", as nph scripts and many
// SCGI applications send, is taken for a Status. A Content-Type, Location or Status without a value counts as not sent (section
// 6.3). maxHead bounds the head in bytes, the blank line that ends it not counted; zero
// and negative mean 64 KiB. A head has at most 1,000 fields.
//
// Behind the head, errors of stdout come out of the Body as they are: a Backend gives [*BackendError]s there by wrapping stdout.
//
// What is no head gives a [*BackendError] that says why, and stdout is closed: a line that is no field, white space before a
// colon, folded lines, a status that is none or an interim one (1xx), a second Status, Content-Type or Location, a head that is too long or
// never ends, none at all.
func ReadResponse(stdout io.ReadCloser, maxHead int) (*Response, error) {
	if maxHead <= 0 {
		maxHead = defaultMaxHead
	}
	body := &responseBody{ReadCloser: stdout}
	head, err := body.readHead(maxHead)
	var resp *Response
	if err == nil {
		resp, err = parseHead(head)
	}
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

// responseBody gives what was read behind the head, and then the stream.
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

// readHead reads up to the blank line and returns the head without it. It keeps what was read behind it.
func (b *responseBody) readHead(most int) (head []byte, err error) {
	buf := make([]byte, 0, 512) // room for most heads; each response has its own
	for scanned := 0; ; {
		n, readErr := readSome(b.ReadCloser, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		end, next := blankLine(buf, scanned)
		switch {
		case end > most || end < 0 && len(buf) > most+len("\r"): // behind a head of most bytes the blank line may be half there
			return nil, fmt.Errorf("longer than %d bytes", most)
		case end >= 0:
			b.waiting, b.err = buf[next:], readErr
			return buf[:end], nil
		case readErr == io.EOF && len(buf) == 0:
			return nil, errors.New("nothing at all")
		case readErr == io.EOF:
			return nil, fmt.Errorf("ends within the head: %.64q", buf)
		case readErr != nil:
			return nil, readErr
		}
		scanned = len(buf) // blankLine looks back by itself
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
	}
}

// blankLine finds the blank line whose LF is at or behind from: the index behind the head's last line, and that of the body. A head
// may be empty, its blank line being the first. end is negative where there is no blank line yet.
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

func parseHead(head []byte) (*Response, error) {
	resp := &Response{Headers: headers.New()}
	text := string(head)
	if status, rest, ok := statusLine(text); ok {
		resp.Status, text = status, rest
	}
	for text != "" {
		line, rest, _ := strings.Cut(text, "\n")
		text = rest
		if err := resp.addLine(strings.TrimSuffix(line, "\r")); err != nil {
			return nil, err
		}
		if resp.Headers.Len() > maxHeadFields {
			return nil, fmt.Errorf("more than %d fields", maxHeadFields)
		}
	}
	switch {
	case resp.Status == "" && resp.Headers.Len() == 0:
		return nil, errors.New("no field in it")
	case resp.Status == "":
		return resp, nil
	case len(resp.Status) == 3:
		resp.Status += " " // RFC 3875 section 6.3.3 wants the space, and many scripts leave it out
	}
	return resp, checkFinal(resp.Status)
}

// statusLine takes an HTTP status line off the head.
func statusLine(text string) (status, rest string, ok bool) {
	line, rest, _ := strings.Cut(text, "\n")
	line = strings.TrimSuffix(line, "\r")
	if len(line) < len("HTTP/1.1 200") || !strings.HasPrefix(line, "HTTP/1.") || !isDigit(line[7]) || line[8] != ' ' {
		return "", text, false
	}
	return line[9:], rest, true
}

func (r *Response) addLine(line string) error {
	name, value, ok := strings.Cut(line, ":")
	if !ok {
		return fmt.Errorf("a line without a colon: %.64q", line)
	}
	isStatus := equalFold(name, "Status")
	if !isStatus && !equalFold(name, "Content-Type") && !equalFold(name, "Location") {
		return r.Headers.Add(name, value)
	}
	value = strings.Trim(value, " \t")
	switch {
	case value == "":
		return nil // equivalent to the field not being sent (RFC 3875 section 6.3)
	case isStatus && r.Status != "", !isStatus && r.Headers.Has(name):
		return fmt.Errorf("a second %s: %.64q", name, value)
	case isStatus:
		r.Status = value
		return nil
	}
	return r.Headers.Add(name, value)
}
