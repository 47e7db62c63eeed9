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
// environment, an input stream and an output stream. The author of a transport decodes its protocol
// into those three and calls [BaseCGIHandler.Run]. The other fields are the methods and attributes
// that a subclass of wsgiref's BaseHandler overrides; their zero values are right for a server.
//
// Run applies the rules of the environ, bounds the input stream to the body, calls the App, and
// completes the response by the rules of [ResponseWriter]. The rules of the environ are:
//
//   - The App gets every variable that the web server sent, unchanged and in order, except
//     HTTP_PROXY, which is dropped (httpoxy, CVE-2016-5386).
//   - HTTP_CONTENT_TYPE and HTTP_CONTENT_LENGTH, which nginx's own test configurations and
//     net/http/cgi send, become CONTENT_TYPE and CONTENT_LENGTH where those are absent or empty,
//     and are removed.
//   - A malformed CONTENT_LENGTH, two different ones, or a variable without a name are answered 400
//     without calling the App (RFC 3875 section 4.1.2).
//   - A request without CONTENT_LENGTH has no body, unless the protocol's input ends by itself
//     (StdinStream) or HTTP_TRANSFER_ENCODING is "chunked", as under Apache's mod_cgi.
//   - The [Profiles] that are a Default are applied.
//
// A BaseCGIHandler serves one request at a time. Its fields must not change while Run is under way.
type BaseCGIHandler struct {
	// Environ holds what the web server sent. Run applies the environ rules to it in place and
	// hands it to the App.
	Environ *util.Environ

	// Stdin is the input stream; nil is an empty one. Run bounds it to the body and never closes
	// it. It does not read what the App leaves unread.
	Stdin io.Reader

	// StdinStream says that Stdin ends with the body by itself, as a FastCGI STDIN stream does:
	// without CONTENT_LENGTH the body runs to the stream's end. Otherwise such a request has no
	// body.
	StdinStream bool

	// Stdout takes the response: head and body as bytes, never an empty Write. It may also
	// implement [HeadWriter], [FileSender] and [Flusher], for what the protocol can do better; a
	// syscall.Conn (an *os.File, *net.TCPConn, *net.UnixConn) gets files by sendfile(2), past its
	// Write. Run calls it from one goroutine at a time, and does not call it again once it has
	// failed. A call that blocks keeps Run waiting: deadlines are the transport's. It must be set.
	Stdout io.Writer

	// Stderr is the App's error stream and takes what LogException writes; nil is os.Stderr.
	Stderr io.Writer

	Multithread  bool // see [Request.Multithread]
	Multiprocess bool // see [Request.Multiprocess]
	RunOnce      bool // see [Request.RunOnce]

	// Scheme is "http" or "https"; empty lets util.GuessScheme find it in the environ.
	Scheme string

	// EscapedPath is the path of an HTTP request as the client sent it; see [Request.EscapedPath].
	// A transport leaves it empty for a request whose SCRIPT_NAME and PATH_INFO a web server has
	// sent.
	EscapedPath string

	// MaxBodyBytes bounds the request body, in bytes: a larger one is answered 413. Zero and
	// negative mean no bound.
	MaxBodyBytes int64

	// OriginServer writes an HTTP/1.x head in place of the Status field, as an nph script must (RFC
	// 3875 section 5). A Stdout that is a [HeadWriter] has a head of its own; see also
	// [Request.OriginServer].
	OriginServer bool

	// HTTPVersion is the version that an OriginServer answers with: "1.0" or "1.1". Empty is "1.1",
	// where wsgiref has 1.0.
	HTTPVersion string

	// ServerSoftware is the Server field of an OriginServer, and SERVER_SOFTWARE where the environ
	// has none.
	ServerSoftware string

	// ErrorOutput writes the response when an App failed before its head was committed; without a
	// Start it is a 500. Nil writes ErrorStatus, ErrorHeaders and ErrorBody, without diagnostics,
	// on purpose. [Request.Failure] has them for a page that only developers get to see. Where it
	// fails in its turn, or one of the three is malformed, there is a built-in page. Requests that
	// are refused and backends that failed (400, 411, 413, 502 to 504) have pages of their own.
	ErrorOutput App

	ErrorStatus  string          // empty is "500 Internal Server Error"; a 1xx is taken for that
	ErrorHeaders []headers.Field // nil is Content-Type: text/plain; charset=utf-8
	ErrorBody    string          // empty is one sentence that blames the server

	// LogException is told why an App failed or a request was refused; stack is nil unless the App
	// panicked. Nil writes both to Stderr. It is not called for a peer that went away or stopped
	// taking bytes, nor for [ErrAbort]. It may keep err, but not r.
	LogException func(r *Request, err error, stack []byte)

	// Refused, if not nil, is told of a request that is answered without the App, when it has been.
	// It is called in Run's goroutine.
	Refused func(*Refusal)

	// TracebackLimit bounds the stack that is logged, in frames. Zero is 32, negative is no stack
	// at all.
	TracebackLimit int

	// NoFileWrapper sends files by copying them, never by sendfile(2).
	NoFileWrapper bool
}

// HeadWriter is implemented by a Stdout whose protocol has a form of its own for the head, such as
// another HTTP library's.
type HeadWriter interface {
	// WriteHead is called once, before the first Write. fields belongs to the response; WriteHead
	// must not keep it.
	WriteHead(status string, fields *headers.Headers) error
}

// FileSender is implemented by a Stdout that can send a file better than by Write; [SendFile] does
// most of it.
type FileSender interface {
	// SendFile sends n bytes of f from its current offset, or all to its end when n is negative,
	// and returns how many were sent. A file that ends early is no error here: the caller compares.
	// Any error breaks the response. SendFile must not keep f.
	SendFile(f File, n int64) (int64, error)
}

// Flusher is implemented by a Stdout that buffers. Flush is called when the App flushes, and not at
// the end of the response: the transport has its own bytes to send there.
type Flusher interface{ Flush() error }

// exchange is all that one request needs, in one allocation. The App may hold on to parts of it, so
// it is never pooled.
type exchange struct {
	request  Request
	ctx      endable
	ownCtx   RequestContext // ctx, unless the transport has brought one
	body     body
	response response
}

// Run answers one request with app. It returns nil when Stdout took a whole response, which may be
// an error page. Otherwise its error wraps [ErrBroken], and the transport has to make the break
// visible; when the peer went away or the App asked for it ([ErrAbort]) nothing has been logged.
// [PeerGone] tells the first case. Stdout is not flushed at the end. ctx must not be nil.
//
// Run does not let a panic through, of app or of a hook. Where app calls runtime.Goexit, as a
// test's FailNow does, Run ends its goroutine: the error page has been sent if it could be, and a
// transport that must break the exchange otherwise does so in a deferred function.
func (h *BaseCGIHandler) Run(ctx context.Context, app App) (err error) {
	x := h.newExchange(ctx)
	defer x.end()
	if err := x.admitFor(app); err != nil {
		return x.refuse(err)
	}
	defer func() {
		if err != nil {
			err = x.fail(err)
		}
	}()
	err = errGoexit // which is all that can be seen of it
	err = x.call(app, &x.response, &x.request)
	return err
}

func (h *BaseCGIHandler) newExchange(ctx context.Context) *exchange {
	x := &exchange{request: Request{
		Environ:      h.Environ,
		Stderr:       h.Stderr,
		Scheme:       h.Scheme,
		EscapedPath:  h.EscapedPath,
		OriginServer: h.OriginServer,
		Multithread:  h.Multithread,
		Multiprocess: h.Multiprocess,
		RunOnce:      h.RunOnce,
	}}
	if x.request.Environ == nil {
		x.request.Environ = util.NewEnviron()
	}
	if x.request.Stderr == nil {
		x.request.Stderr = os.Stderr
	}
	x.request.Stdin = &x.body
	x.ctx = endableContext(ctx, &x.ownCtx)
	x.request.ctx = x.ctx
	x.response.prepare(h, x.request.Environ)
	return x
}

// admit applies the environ rules and the profiles, and opens the body.
func (x *exchange) admit() error {
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
	x.body.open(h.Stdin, length, h.MaxBodyBytes)
	return nil
}

// call runs app and completes its response. What becomes of a failed one is decided when w has
// ended: until then a goroutine that app left behind may still commit the head, and an error page
// would be a second one.
func (x *exchange) call(app App, w *response, r *Request) (err error) {
	defer w.end()
	defer func() {
		if v := recover(); v != nil {
			err = panicked(v, x.response.h.TracebackLimit)
		}
	}()
	if err := app.ServeGateway(w, r); err != nil {
		return sound(err)
	}
	return w.finish()
}

// end cuts off whatever the App still holds.
func (x *exchange) end() {
	x.body.ended.Store(true)
	x.ctx.End(nil)
}

// prepare makes w ready for the request that e describes.
func (w *response) prepare(h *BaseCGIHandler, e *util.Environ) {
	w.h = h
	w.head = e.Get("REQUEST_METHOD") == "HEAD"
	w.declared = unknownLength
	if h.OriginServer {
		w.client = clientOf(e.Get("SERVER_PROTOCOL"))
	}
}

func (h *BaseCGIHandler) httpVersion() string { return cmp.Or(h.HTTPVersion, "1.1") }

// brokenError is what Run returns for a response that is not whole.
type brokenError struct {
	err  error
	gone bool // the peer has gone away
}

func (e *brokenError) Error() string { return ErrBroken.Error() + ": " + e.err.Error() }

func (e *brokenError) Unwrap() []error { return []error{ErrBroken, e.err} }

// broken is the error of Run for the response w, which is not whole because of err.
func broken(w *response, err error) error {
	return &brokenError{err: err, gone: PeerGone(w.lost) || errors.Is(err, ErrClientGone)}
}
