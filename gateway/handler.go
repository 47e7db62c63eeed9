package gateway

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"

	"github.com/cgikit/cgikit/headers"
	"github.com/cgikit/cgikit/util"
)

// BaseCGIHandler runs an [App] for a single request of a CGI-like protocol: one that has an
// environment, an input stream and an output stream. A transport decodes its protocol into those
// three and calls [BaseCGIHandler.Run]. The other fields are the methods and attributes that a
// subclass of wsgiref's BaseHandler overrides; their zero values are right for a server.
//
// Run applies the rules of the environ, limits the input stream to the body, calls the App, and
// completes the response by the rules of [ResponseWriter]. The rules of the environ are:
//
//   - The App gets every variable that the web server sent, unchanged and in order, except
//     HTTP_PROXY, which is dropped (httpoxy, CVE-2016-5386).
//   - HTTP_CONTENT_TYPE and HTTP_CONTENT_LENGTH are renamed to CONTENT_TYPE and CONTENT_LENGTH, or
//     dropped if those have a value. The test configurations of nginx and net/http/cgi send them.
//   - A request with a malformed CONTENT_LENGTH, two different ones, or a variable without a name
//     is answered 400 without calling the App (RFC 3875 section 4.1.2).
//   - A request without CONTENT_LENGTH has no body, unless the protocol marks the end of the input
//     (StdinStream) or HTTP_TRANSFER_ENCODING is "chunked", as under Apache's mod_cgi.
//   - The [Profiles] with Default set are applied.
//
// A BaseCGIHandler serves one request at a time. Its fields must not change while Run is under way.
type BaseCGIHandler struct {
	// Environ has the variables that the web server sent. Run applies the rules of the environ to
	// it in place and hands it to the App.
	Environ *util.Environ

	// Stdin is the input stream; nil means an empty one. Run limits it to the body and never closes
	// it. Run does not read bytes that the App leaves unread.
	Stdin io.Reader

	// StdinStream says that the protocol marks the end of the body in Stdin, as a FastCGI STDIN
	// stream does. Without CONTENT_LENGTH the body then ends with the stream; if StdinStream is
	// false, such a request has no body.
	StdinStream bool

	// Stdout receives the response: head and body as bytes, never an empty Write. It must be set.
	// It may also implement [HeadWriter], [FileSender] and [Flusher], if the protocol has better
	// means than bytes. If Stdout is a syscall.Conn (an *os.File, *net.TCPConn or *net.UnixConn),
	// files are sent to it by sendfile(2) and bypass its Write. Run calls Stdout from one goroutine
	// at a time, and does not call it again after it has failed. Run waits while a call blocks: the
	// transport must set deadlines.
	Stdout io.Writer

	// Stderr is the App's error stream, and receives the text of failures if LogException is nil.
	// nil means os.Stderr.
	Stderr io.Writer

	Multithread  bool // see [Request.Multithread]
	Multiprocess bool // see [Request.Multiprocess]
	RunOnce      bool // see [Request.RunOnce]

	// Scheme is "http" or "https"; if it is empty, util.GuessScheme derives it from the environ.
	Scheme string

	// EscapedPath is the path of an HTTP request as the client sent it; see [Request.EscapedPath].
	// A transport leaves it empty if a web server has sent SCRIPT_NAME and PATH_INFO.
	EscapedPath string

	// MaxBodyBytes limits the request body, in bytes; a larger one is answered 413. Zero and
	// negative mean no limit.
	MaxBodyBytes int64

	// OriginServer writes an HTTP/1.x head in place of the Status field, as an nph script must (RFC
	// 3875 section 5). It does not change the head of a Stdout that is a [HeadWriter]. See also
	// [Request.OriginServer].
	OriginServer bool

	// HTTPVersion is the HTTP version in the head of an OriginServer: "1.0" or "1.1". Empty means
	// "1.1"; the default of wsgiref is 1.0.
	HTTPVersion string

	// ServerSoftware is the Server field of an OriginServer, and its SERVER_SOFTWARE if the environ
	// has none.
	ServerSoftware string

	// ErrorOutput writes the response if an App failed before its head was committed; its status is
	// 500 unless it calls Start. If ErrorOutput is nil, the response is made of ErrorStatus,
	// ErrorHeaders and ErrorBody. These have no diagnostics, on purpose. [Request.Failure] has
	// them, for a page that only developers see. If ErrorOutput fails, or one of the three is
	// malformed, a built-in page is sent. For a refused request or a failed backend (400, 411, 413,
	// 502 to 504) the response is [ErrorPage], without these four fields.
	ErrorOutput App

	ErrorStatus  string          // empty or 1xx means "500 Internal Server Error"
	ErrorHeaders []headers.Field // nil means Content-Type: text/plain; charset=utf-8
	ErrorBody    string          // empty means a sentence that reports an internal error

	// LogException is called with the reason if an App failed or a request was refused. stack is
	// nil unless the App panicked. If LogException is nil, both are written to Stderr. It is not
	// called if the peer went away or stopped reading, nor for [ErrAbort]. It may keep err, but not
	// r.
	LogException func(r *Request, err error, stack []byte)

	// Refused, if not nil, is called after a request was answered without the App, in the goroutine
	// of Run.
	Refused func(*Refusal)

	// TracebackLimit limits the logged stack, in frames. Zero means 32, negative means no stack.
	TracebackLimit int

	// NoFileWrapper sends files by copying them, never by sendfile(2).
	NoFileWrapper bool

	// Memory, if not nil, is what Run keeps its state in, in place of an allocation. See [Memory].
	Memory *Memory
}

// Memory is the state of one call of [BaseCGIHandler.Run], with all that the App gets. A transport
// makes it a part of what it allocates for each request. It must be zero at the call, and must not
// be used again, because the App may keep parts of it. The BaseCGIHandler itself may be used again
// when Run has returned.
type Memory struct{ exchange exchange }

// ownMemory is what Run allocates if the transport has no Memory for it.
type ownMemory struct {
	Memory
	ctx RequestContext // unless the context of Run is endable
}

// HeadWriter is implemented by a Stdout whose protocol does not send the head as bytes, for example
// the writer of an HTTP library.
type HeadWriter interface {
	// WriteHead is called once, before the first Write. fields belongs to the response; WriteHead
	// must not keep it.
	WriteHead(status string, fields *headers.Headers) error
}

// FileSender is implemented by a Stdout that can send a file faster than by Write. [SendFile] helps
// to implement it.
type FileSender interface {
	// SendFile sends n bytes of f from its current offset, or all bytes up to its end if n is
	// negative, and returns how many it sent. A file that ends early is not an error: the caller
	// compares the numbers. Any error breaks the response. SendFile must not keep f.
	SendFile(f File, n int64) (int64, error)
}

// Flusher is implemented by a Stdout that buffers. Flush is called when the App flushes. It is not
// called at the end of the response, where the transport sends bytes of its own.
type Flusher interface{ Flush() error }

// exchange is the state of one request, in one allocation. It is never pooled, because the App may
// keep parts of it.
type exchange struct {
	request  Request
	ctx      endable
	body     body
	response response
}

// Run answers one request with app. It returns nil if a complete response, which may be an error
// page, was written to Stdout. Otherwise its error wraps [ErrBroken], and the transport must make
// the break visible. Run logs the reason, unless the peer went away, which [PeerGone] reports, or
// the App asked for the break ([ErrAbort]). Stdout is not flushed at the end. ctx must not be nil.
//
// Run recovers from a panic of app or of a hook. If app calls runtime.Goexit, as a test's FailNow
// does, Run sends the error page if it still can, and the goroutine ends. A transport that must
// then break the exchange does so in a deferred function.
func (h *BaseCGIHandler) Run(ctx context.Context, app App) (err error) {
	x := h.newExchange(ctx)
	defer x.finish()
	if err := x.prepareFor(app); err != nil {
		return x.refuse(err)
	}
	defer func() {
		if err != nil {
			err = x.fail(err)
		}
	}()
	err = errGoexit // stays if app calls runtime.Goexit
	err = x.call(app, &x.response, &x.request)
	return err
}

func (h *BaseCGIHandler) newExchange(ctx context.Context) *exchange {
	m, own := h.Memory, (*RequestContext)(nil)
	if m == nil {
		all := new(ownMemory)
		m, own = &all.Memory, &all.ctx
	}
	x := &m.exchange
	r := &x.request
	r.Environ, r.Stderr, r.Stdin = h.Environ, h.Stderr, &x.body
	r.Scheme, r.EscapedPath, r.OriginServer = h.Scheme, h.EscapedPath, h.OriginServer
	r.Multithread, r.Multiprocess, r.RunOnce = h.Multithread, h.Multiprocess, h.RunOnce
	if r.Environ == nil {
		r.Environ = util.NewEnviron()
	}
	if r.Stderr == nil {
		r.Stderr = os.Stderr
	}
	x.ctx = endableContext(ctx, own)
	r.ctx = x.ctx
	x.response.prepare(h, x.request.Environ)
	return x
}

// prepareRequest applies the rules of the environ and the profiles, and prepares the body.
func (x *exchange) prepareRequest() error {
	h, e := x.response.h, x.request.Environ
	length, err := normalise(e, h.StdinStream)
	if err != nil {
		return err
	}
	applyDefaults(e)
	x.request.Scheme = cmp.Or(x.request.Scheme, util.GuessScheme(e))
	if h.OriginServer && h.ServerSoftware != "" && e.Get("SERVER_SOFTWARE") == "" {
		e.Set("SERVER_SOFTWARE", h.ServerSoftware)
	}
	if h.MaxBodyBytes > 0 && length > h.MaxBodyBytes {
		return &BodyTooLargeError{Limit: h.MaxBodyBytes}
	}
	x.request.ContentLength = length
	if length == 0 {
		x.request.Stdin = NoBody
		return nil
	}
	x.body.prepare(h.Stdin, length, h.MaxBodyBytes)
	return nil
}

// call runs app and completes its response. It releases w before its caller handles a failure.
// Until then, a goroutine that app has left running could still commit the head, and an error page
// would add a second head.
func (x *exchange) call(app App, w *response, r *Request) (err error) {
	defer w.release()
	defer func() {
		if v := recover(); v != nil {
			err = panicked(v, x.response.h.TracebackLimit)
		}
	}()
	if err := app.ServeGateway(w, r); err != nil {
		return probeError(err)
	}
	return w.finish()
}

// finish makes the body and the context, which the App may still hold, fail from now on.
func (x *exchange) finish() {
	x.body.finished.Store(true)
	x.ctx.End(nil)
}

// prepare sets up w for the request that e describes.
func (w *response) prepare(h *BaseCGIHandler, e *util.Environ) {
	w.h, w.copiesFiles = h, h.NoFileWrapper
	w.head = e.Get("REQUEST_METHOD") == "HEAD"
	w.declared = unknownLength
	if h.OriginServer {
		w.clientVersion = clientVersionOf(e.Get("SERVER_PROTOCOL"))
	}
}

func (h *BaseCGIHandler) httpVersion() string { return cmp.Or(h.HTTPVersion, "1.1") }

// brokenError is the error of Run for a response that is not complete.
type brokenError struct {
	err  error
	gone bool // the peer has gone away
}

func (e *brokenError) Error() string { return ErrBroken.Error() + ": " + e.err.Error() }

func (e *brokenError) Unwrap() []error { return []error{ErrBroken, e.err} }

// broken returns the error of Run for the response w, which is not complete because of err.
func broken(w *response, err error) error {
	return &brokenError{err: err, gone: PeerGone(w.lost) || errors.Is(err, ErrClientGone)}
}
