package gateway

import (
	"errors"
	"io"
	"strings"
	"time"
)

// Access is what became of one request: a line of an access log, and what metrics count. It may be
// kept, but for Request.
type Access struct {
	Request *Request // as it came in. It must not be changed, nor kept
	Script  string   // the script's file, where one was looked for and found
	// what the client was answered; 0 where it was cut off without an answer, 499 where it left
	// before one
	Status   int
	Bytes    int64         // of the body, that were handed to the server
	Start    time.Time     // when the request came
	Head     time.Duration // until the backend's first response head was there; 0 if none ever was
	Duration time.Duration // until the last byte was handed to the server
	Err      error         // why there is no whole response of the backend; nil where there is
}

// Meter is a ResponseWriter that counts what goes through it, for an App such as [Watch] that tells
// of its requests. It belongs to one request.
type Meter struct {
	ResponseWriter
	Access Access // what is known so far; Script and Head are for the App to fill in
	status string
	silent bool // the request is a HEAD
}

// NewMeter returns the Meter of the request r, whose response goes to w.
func NewMeter(w ResponseWriter, r *Request) *Meter {
	return &Meter{
		ResponseWriter: w,
		Access:         Access{Request: r, Start: time.Now()},
		silent:         r.Environ.Get("REQUEST_METHOD") == "HEAD",
		status:         "200",
	}
}

// Start implements [ResponseWriter].
func (m *Meter) Start(status string) error {
	err := m.ResponseWriter.Start(status)
	if err == nil && !strings.HasPrefix(status, "1") {
		m.status = status
	}
	return err
}

// Write implements [ResponseWriter].
func (m *Meter) Write(p []byte) (int, error) {
	n, err := m.ResponseWriter.Write(p)
	m.Access.Bytes += int64(n)
	return n, err
}

// ReadFrom lets files go by sendfile(2).
func (m *Meter) ReadFrom(src io.Reader) (int64, error) {
	n, err := io.Copy(m.ResponseWriter, src)
	m.Access.Bytes += n
	return n, err
}

// Report completes the Access of a request for which the App returns err, and returns it. It is
// called once, at the end.
func (m *Meter) Report(err error) *Access {
	a := &m.Access
	a.Duration = time.Since(a.Start)
	if err != nil {
		a.Err = Blame(a.Request, err)
		m.foresee(a.Err)
	}
	a.Status = statusCode(m.status)
	if m.silent || a.Status == 204 || a.Status == 205 || a.Status == 304 {
		a.Bytes = 0
	}
	return a
}

// foresee notes how the gateway is going to answer a failure, if it still can.
func (m *Meter) foresee(err error) {
	if errors.Is(m.ResponseWriter.Start(m.status), ErrCommitted) {
		return
	}
	m.status, m.Access.Bytes = "", 0
	if !errors.Is(err, ErrAbort) {
		status, text := ErrorPage(err)
		m.status, m.Access.Bytes = status, int64(len(text))
	}
}

// statusCode reads the three digits that a status begins with.
func statusCode(status string) (code int) {
	for i := range min(len(status), 3) {
		code = 10*code + int(status[i]-'0')
	}
	return code
}
