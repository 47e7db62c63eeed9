package gateway

import (
	"errors"
	"io"
	"strings"
	"time"
)

// Access is the outcome of one request, for a line of an access log or for metrics. The receiver
// may keep all of it except Request.
type Access struct {
	Request *Request // as received; must be neither changed nor kept
	Script  string   // the file of the script, "" if none was found
	// sent to the client; 0 if the exchange was aborted without an answer, 499 if the client left
	// before the answer
	Status   int
	Bytes    int64         // of the response body, written to the server
	Start    time.Time     // when the request arrived
	Head     time.Duration // from Start to the first response head of the backend; 0 without one
	Duration time.Duration // from Start until the last byte was written to the server
	Err      error         // why the response is not complete; nil if it is
}

// Meter is a ResponseWriter that records the status and counts the body bytes of one response, for
// an App that reports its requests, such as [Watch]. A Meter serves one request.
type Meter struct {
	ResponseWriter
	Access Access // what is known so far; the App may set Script and Head
	status string
	isHead bool // the request is a HEAD
}

// NewMeter returns a Meter for the request r that passes the response on to w.
func NewMeter(w ResponseWriter, r *Request) *Meter {
	return &Meter{
		ResponseWriter: w,
		Access:         Access{Request: r, Start: time.Now()},
		isHead:         r.Environ.Get("REQUEST_METHOD") == "HEAD",
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

// ReadFrom implements [io.ReaderFrom], so that files can still be sent by sendfile(2).
func (m *Meter) ReadFrom(src io.Reader) (int64, error) {
	n, err := io.Copy(m.ResponseWriter, src)
	m.Access.Bytes += n
	return n, err
}

// Report completes and returns the Access of a request whose App returned err. It is called once,
// when the request has ended.
func (m *Meter) Report(err error) *Access {
	a := &m.Access
	a.Duration = time.Since(a.Start)
	if err != nil {
		a.Err = Blame(a.Request, err)
		m.predictAnswer(a.Err)
	}
	a.Status = statusCode(m.status)
	if m.isHead || a.Status == 204 || a.Status == 205 || a.Status == 304 {
		a.Bytes = 0
	}
	return a
}

// predictAnswer records the error page that the gateway will send for err. It records nothing if
// the head was already sent.
func (m *Meter) predictAnswer(err error) {
	if errors.Is(m.ResponseWriter.Start(m.status), ErrCommitted) {
		return
	}
	m.status, m.Access.Bytes = "", 0
	if !errors.Is(err, ErrAbort) {
		status, text := ErrorPage(err)
		m.status, m.Access.Bytes = status, int64(len(text))
	}
}

// statusCode returns the number in the first three digits of a status.
func statusCode(status string) (code int) {
	for i := range min(len(status), 3) {
		code = 10*code + int(status[i]-'0')
	}
	return code
}
