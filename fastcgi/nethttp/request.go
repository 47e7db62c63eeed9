package nethttp

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/fcgi"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/util"
)

// request is one request on a conn. The App may keep parts of it, so it is never reused.
type request struct {
	conn     *conn
	id       uint16
	keepConn bool
	begun    time.Time

	// Only the watch uses these.
	held       []byte // the records so far, until they are passed on
	size       int64  // size of the variables so far, in bytes
	overBounds bool   // the variables are too large, and no longer held

	environ *util.Environ // nil until the PARAMS have ended
	ctx     gateway.RequestContext
	stdin   stdin

	// Guarded by conn.mu. Only the watch changes these, except stdinEnded.
	bytes       int64 // reserved in conn.requests
	paramsEnded bool
	passed      bool // it was passed to net/http/fcgi, or is about to be
	stdinEnded  bool // the end of its STDIN was passed on

	aborted atomic.Bool // the web server does not want the response
	headSet bool        // the response has a head; used by the handler's goroutine only

	// Guarded by conn.writer.mu.
	returned bool   // the App has returned
	broken   bool   // the response is not complete
	tail     []byte // the records that net/http/fcgi has written since the App returned
}

func newRequest(c *conn, id uint16, keepConn bool, record []byte) *request {
	r := &request{conn: c, id: id, keepConn: keepConn, begun: time.Now()}
	r.held = append(r.held, record...)
	r.stdin.request = r
	return r
}

// errOverBounds is the error of variables that are too large or too many.
var errOverBounds = errors.New("nethttp: variables over MaxParamsBytes or MaxParams")

// requestVariable is the variable by which the handler finds its request, using fcgi.ProcessEnv.
// Its value is the id of the request, which no other request has until net/http/fcgi has ended this
// one.
const requestVariable = "CGIKIT_REQUEST_ID"

// decodeParams decodes the held variables, at most most of them, into the environ. It adds
// requestVariable to the held records, and then last, the record that ends the variables.
func (r *request) decodeParams(last []byte, most int) error {
	if r.overBounds {
		return errOverBounds
	}
	environ, err := wire.DecodePairs(paramsOf(r.held), most)
	if errors.Is(err, wire.ErrTooManyPairs) {
		return errOverBounds
	}
	if err != nil {
		return err
	}
	r.environ = environ
	pair := wire.AppendPair(nil, requestVariable, strconv.Itoa(int(r.id)))
	r.held = wire.AppendRecord(r.held, wire.TypeParams, r.id, pair)
	r.held = append(r.held, last...)
	return nil
}

// paramsOf returns the contents of the PARAMS records in records.
func paramsOf(records []byte) (params []byte) {
	reader := wire.NewRecordReader(bytes.NewReader(records))
	for {
		h, content, err := reader.Next()
		if err != nil {
			return params
		}
		if h.Type == wire.TypeParams {
			params = append(params, content...)
		}
	}
}

// requestOf returns the request from which net/http/fcgi has made hr.
func (c *conn) requestOf(hr *http.Request) *request {
	value := fcgi.ProcessEnv(hr)[requestVariable]
	id, _ := strconv.ParseUint(value, 10, 16) // decodeParams wrote it
	return c.find(uint16(id))
}

// run answers the request on w. It returns an error if the response is incomplete.
func (r *request) run(w http.ResponseWriter, body io.ReadCloser) error {
	r.stdin.begin(body)
	app, sent := r.app()
	h := gateway.BaseCGIHandler{
		Environ:      r.environ,
		EscapedPath:  sent,
		Stdin:        &r.stdin,
		StdinStream:  true,
		Stdout:       stdout{w, r},
		Multithread:  true,
		MaxBodyBytes: r.conn.server.MaxBodyBytes,
		LogException: r.conn.logException,
		Refused:      r.conn.server.Refused,
	}
	return h.Run(&r.ctx, app)
}

// app returns the App that answers the request. sent is the path as it was sent, if Mount was
// applied.
func (r *request) app() (app gateway.App, sent string) {
	sent, err := exchange.Mount(r.environ, r.conn.server.Mount)
	if err != nil {
		return gateway.Refuse(r.conn.server.App, err), ""
	}
	return r.conn.server.App, sent
}

// logException logs why an App failed, because net/http/fcgi cannot write to the web server's error
// log.
func (c *conn) logException(r *gateway.Request, err error, stack []byte) {
	attrs := []any{"method", r.Environ.Get("REQUEST_METHOD"), "uri", r.Environ.Get("REQUEST_URI"), "error", err}
	if id := r.ID(); id != "" {
		attrs = append(attrs, "request_id", id)
	}
	if stack != nil {
		attrs = append(attrs, "stack", string(stack))
	}
	level := slog.LevelError
	if gateway.IsClientFault(err) {
		level = slog.LevelWarn
	}
	c.log.Log(r.Context(), level, "request failed", attrs...)
}
