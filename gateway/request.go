package gateway

import (
	"context"
	"io"

	"github.com/cgikit/cgikit/util"
)

// Request is one request as the web server sent it.
type Request struct {
	// Environ has every meta-variable that the web server sent, byte for byte and in order, except
	// for the changes that [BaseCGIHandler] lists.
	Environ *util.Environ

	// Stdin is the body: CONTENT_LENGTH bytes and then io.EOF. If the body ends early, Read returns
	// io.ErrUnexpectedEOF; if it exceeds the server's MaxBodyBytes, a [*BodyTooLargeError]. In a
	// Request that an App gets, Stdin is never nil, and [NoBody] if the request has no body.
	Stdin io.Reader

	// ContentLength is the length of the body in bytes, and -1 if it is not known before the end of
	// Stdin. It equals the web server's CONTENT_LENGTH, if that is set. In a Request that a program
	// creates for a [Backend], zero also means unknown if Stdin is neither nil nor NoBody, as in
	// http.Request.
	ContentLength int64

	// Stderr is the web server's error log if the protocol has a stream to it (FastCGI), and
	// otherwise the standard error of the process. It is safe for concurrent use only if the
	// transport documents that.
	Stderr io.Writer

	// Scheme is "http" or "https".
	Scheme string

	// EscapedPath is the path of the request target as the client sent it, still percent-encoded
	// and with the mount point. It is set if this process read the request from HTTP, or derived
	// SCRIPT_NAME and PATH_INFO from REQUEST_URI, as a server's Mount does. These two are decoded,
	// so only EscapedPath distinguishes an encoded slash from a plain one. It is empty if a web
	// server sent the two variables, whose values then decide.
	EscapedPath string

	// OriginServer says that the response goes to the client unchanged. Otherwise a web server
	// forwards it, and acts on fields such as X-Accel-Redirect and X-Sendfile.
	OriginServer bool

	Multithread  bool // the App may be called by another goroutine at the same time
	Multiprocess bool // another process may run an equal App at the same time
	RunOnce      bool // the process answers only this request

	ctx     context.Context
	failure *Failure
	id      string // see Identify
}

// Failure is the reason why an App did not answer its request.
type Failure struct {
	Err   error  // the error or the panic of the App
	Stack []byte // bounded by TracebackLimit; nil unless the App panicked
}

// Failure returns why a [BaseCGIHandler.ErrorOutput] is called; its counterpart in wsgiref's
// error_output is sys.exc_info. In any other App it returns nil. Err and Stack may contain secrets,
// so a public page must not show them. The built-in page never does.
func (r *Request) Failure() *Failure { return r.failure }

// NoBody is the Stdin of a request without a body. Its Read always returns io.EOF. A [Backend] that
// finds it knows that the length is 0.
var NoBody io.Reader = noBody{}

type noBody struct{}

func (noBody) Read([]byte) (int, error) { return 0, io.EOF }

// Context returns the context of the request. It ends when the web server aborts or goes away, at a
// deadline, at a forced shutdown, and when the App has returned. It is never nil.
func (r *Request) Context() context.Context {
	if r.ctx == nil {
		return context.Background()
	}
	return r.ctx
}

// WithContext returns a shallow copy of r with ctx as its context. ctx must not be nil.
func (r *Request) WithContext(ctx context.Context) *Request {
	if ctx == nil {
		panic("gateway: nil context")
	}
	c := *r
	c.ctx = ctx
	return &c
}

// Warn writes one line about r to the web server's error log. A gateway reports by it a fault that
// it has corrected, so that the client does not notice it; an application writes to Stderr itself.
// If Stderr has a method Warn(text string), Warn calls it, so that the log can add its usual
// attributes. Otherwise Warn writes a line with the method and the target of the request. If Stderr
// is nil, it writes to the standard error of the process.
func (r *Request) Warn(text string) {
	if log, ok := r.Stderr.(interface{ Warn(text string) }); ok {
		log.Warn(text)
		return
	}
	logText(r, text, nil)
}
