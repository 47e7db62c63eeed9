package validate

import (
	"cmp"
	"io"
	"net/http"
	"os"

	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/util"
)

// Handler is [New] for an http.Handler, under net/http's own server or [httpapp.New]. It panics
// where h is nil.
//
// What is usual in net/http is not a violation of h: an implicit 200, a handler that does nothing,
// a missing Content-Type, which net/http sniffs, and fields changed after WriteHeader. 1xx
// responses and hop-by-hop fields are reported, although net/http accepts them, because a gateway
// has to drop them. A response whose connection was hijacked is not checked. The request is judged
// by the meta-variables that [httpapp.MetaVariables] makes of it.
//
// A request that fails is answered 500 where WriteHeader has not been called, else broken by a
// panic with http.ErrAbortHandler. Where Options name neither Log nor Report, and no gateway of
// this module calls the Handler, violations are written to os.Stderr.
//
// The handler's http.ResponseWriter is an http.Flusher and an http.Hijacker, which fails where
// net/http's does, and unwraps for http.ResponseController. Once the handler has returned its calls
// fail with gateway.ErrFinished, and do not reach net/http.
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

// httpCall is call, for a Handler.
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
	if x.failed() != nil {
		refuse(w)
		return
	}
	c.writer = httpWriter{out: w, response: response{x: x, isHead: r.Method == http.MethodHead, sniffed: true}}
	request := c.wrap(r)
	defer giveBack(r, request)
	h.next.ServeHTTP(&c.writer, request)
	c.writer.finish()
}

func errorStream(r *http.Request) io.Writer {
	if request := httpapp.Request(r); request != nil {
		return request.Stderr
	}
	return os.Stderr
}

// checkHTTPRequest checks r by the meta-variables that it was made from, or that package httpapp
// would make of it.
func (x *exchange) checkHTTPRequest(r *http.Request) {
	x.requireParts(part{"URL", r.URL != nil}, part{"Header", r.Header != nil}, part{"Body", r.Body != nil})
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
	e.Del("REQUEST_URI") // http.StripPrefix leaves it whole, and so unlike the path
	uri := x.uri
	x.checkEnviron(e)
	x.uri = cmp.Or(x.uri, uri)
}

// wrap returns the request that the handler gets. http.NoBody stays itself: handlers compare with
// it.
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

// body is stdin for a handler, which may close it.
type body struct {
	stdin
	io.Closer
}

// giveBack hands on what a handler and http.ServeMux leave in their request: net/http removes the
// files of the form, and a handler around this one may log the pattern.
func giveBack(r, request *http.Request) {
	if r.MultipartForm == nil {
		r.MultipartForm = request.MultipartForm
	}
	r.Pattern = request.Pattern
}

// refuse answers in place of a handler that has sent nothing. The page has no diagnostics, as that
// of package gateway.
func refuse(w http.ResponseWriter) {
	clear(w.Header())
	http.Error(w, "The server met an internal error and could not answer the request.", http.StatusInternalServerError)
}
