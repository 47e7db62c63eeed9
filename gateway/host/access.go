package host

import (
	"errors"
	"io"
	"strings"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

// Access is what became of one request: a line of an access log, and what metrics count. It may be kept, but for Request.
type Access struct {
	Request  *gateway.Request // as it came in. It must not be changed, nor kept
	Script   string           // the script's file, where one was looked for and found
	Status   int              // what the client was answered; 0 where it was cut off without an answer, 499 where it left before one
	Bytes    int64            // of the body, that were handed to the server
	Start    time.Time        // when the Handler got the request
	Head     time.Duration    // until the backend's first response head was there; 0 if none ever was
	Duration time.Duration    // until the last byte was handed to the server
	Err      error            // why there is no whole response of the backend; nil where there is
}

// meter counts what goes through a ResponseWriter.
type meter struct {
	gateway.ResponseWriter
	access Access
	status string
	silent bool // the request is a HEAD
}

func newMeter(w gateway.ResponseWriter, r *gateway.Request) *meter {
	return &meter{
		ResponseWriter: w,
		access:         Access{Request: r, Start: time.Now()},
		silent:         r.Environ.Get("REQUEST_METHOD") == "HEAD",
		status:         "200",
	}
}

// Start implements gateway.ResponseWriter.
func (m *meter) Start(status string) error {
	err := m.ResponseWriter.Start(status)
	if err == nil && !strings.HasPrefix(status, "1") {
		m.status = status
	}
	return err
}

// Write implements gateway.ResponseWriter.
func (m *meter) Write(p []byte) (int, error) {
	n, err := m.ResponseWriter.Write(p)
	m.access.Bytes += int64(n)
	return n, err
}

// ReadFrom lets files go by sendfile(2).
func (m *meter) ReadFrom(src io.Reader) (int64, error) {
	n, err := io.Copy(m.ResponseWriter, src)
	m.access.Bytes += n
	return n, err
}

// report completes the Access of a request that ended with err.
func (m *meter) report(err error) *Access {
	a := &m.access
	a.Duration = time.Since(a.Start)
	if err != nil {
		a.Err = gateway.Blame(a.Request, err)
		m.foresee(a.Err)
	}
	a.Status = statusCode(m.status)
	if m.silent || a.Status == 204 || a.Status == 304 {
		a.Bytes = 0
	}
	return a
}

// foresee notes how the gateway is going to answer a failure, if it still can.
func (m *meter) foresee(err error) {
	if errors.Is(m.ResponseWriter.Start(m.status), gateway.ErrCommitted) {
		return
	}
	m.status, m.access.Bytes = "", 0
	if !errors.Is(err, gateway.ErrAbort) {
		status, text := gateway.ErrorPage(err)
		m.status, m.access.Bytes = status, int64(len(text))
	}
}

// statusCode reads the three digits that a status begins with.
func statusCode(status string) (code int) {
	for i := range min(len(status), 3) {
		code = 10*code + int(status[i]-'0')
	}
	return code
}
