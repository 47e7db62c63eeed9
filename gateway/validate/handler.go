package validate

import (
	"cmp"
	"io"
	"net/http"
	"os"

	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/util"
)

// Handler is [New] for an http.Handler, which runs under net/http's server or [httpapp.New]. It
// panics if h is nil.
//
// Usual practice in net/http is not a violation by h: an implicit 200, a handler that does nothing,
// a missing Content-Type, which net/http sniffs, and fields changed after WriteHeader. 1xx
// responses and hop-by-hop fields are reported, although net/http accepts them, because a gateway
// must drop them. A response on a hijacked connection is not checked. The request is checked by its
// meta-variables, as [httpapp.MetaVariables] returns them.
//
// A request that fails is answered 500 if WriteHeader was not called, and otherwise broken by a
// panic with http.ErrAbortHandler. If Options have neither Log nor Report, violations are written
// to the request's Stderr, or to os.Stderr if no gateway of this module calls the Handler.
//
// The handler's http.ResponseWriter implements http.Flusher and http.Hijacker, which fail if those
// of net/http do, and Unwrap for http.ResponseController. After the handler has returned, its calls
// fail with gateway.ErrFinished and do not reach net/http.
func Handler(h http.Handler, opts *Options) http.Handler {
	if h == nil {
		panic("validate: the Handler is nil")
	}
	if opts == nil {
		opts = new(Options)
	}
	return &handler{next: h, opts: opts}
}

type handler struct {
	next http.Handler
	opts *Options
}

// httpCall is the call of a Handler.
type httpCall struct {
	exchange exchange
	writer   httpWriter
	body     body
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &httpCall{exchange: exchange{opts: h.opts, stderr: errorStream(r), ctx: r.Context()}}
	x := &c.exchange
	defer x.ended.Store(true)
	x.checkHTTPRequest(r)
	if x.fatalViolation() != nil {
		refuse(w)
		return
	}
	c.writer = httpWriter{out: w, response: response{x: x, isHead: r.Method == http.MethodHead, sniffed: true}}
	request := c.wrap(r)
	defer copyResults(r, request)
	h.next.ServeHTTP(&c.writer, request)
	c.writer.finish()
}

func errorStream(r *http.Request) io.Writer {
	if request := httpapp.Request(r); request != nil {
		return request.Stderr
	}
	return os.Stderr
}

// checkHTTPRequest checks r by the meta-variables from which it was made, or else by those that
// package httpapp derives from it.
func (x *exchange) checkHTTPRequest(r *http.Request) {
	x.requireParts(requestPart{"URL", r.URL != nil}, requestPart{"Header", r.Header != nil}, requestPart{"Body", r.Body != nil})
	if request := httpapp.Request(r); request != nil {
		x.checkEnviron(request.Environ)
		return
	}
	if r.URL == nil {
		return
	}
	e, err := httpapp.MetaVariables(r, "")
	if err != nil {
		x.violated(environValue, err.Error())
		e = util.NewEnviron()
	}
	x.uri = e.Get("REQUEST_URI")
	e.Del("REQUEST_URI") // http.StripPrefix does not change it, so it differs from the path
	uri := x.uri
	x.checkEnviron(e)
	x.uri = cmp.Or(x.uri, uri)
}

// wrap returns the request for the handler. It does not wrap http.NoBody, because handlers compare
// with it.
func (c *httpCall) wrap(r *http.Request) *http.Request {
	request := r.WithContext(r.Context())
	if r.Body != nil && r.Body != http.NoBody {
		c.body = body{stdin{x: &c.exchange, in: r.Body, length: unknownLength}, r.Body}
		if r.ContentLength > 0 {
			c.body.length = r.ContentLength
		}
		request.Body = &c.body
	}
	return request
}

// body is a stdin that a handler may close.
type body struct {
	stdin
	io.Closer
}

// copyResults copies to r the fields that a handler and http.ServeMux set in request: net/http
// removes the files of MultipartForm, and a handler around this one may log Pattern.
func copyResults(r, request *http.Request) {
	if r.MultipartForm == nil {
		r.MultipartForm = request.MultipartForm
	}
	r.Pattern = request.Pattern
}

// refuse answers in place of a handler that has sent nothing. Like that of package gateway, the
// page has no diagnostics.
func refuse(w http.ResponseWriter) {
	clear(w.Header())
	http.Error(w, "The server met an internal error and could not answer the request.", http.StatusInternalServerError)
}
