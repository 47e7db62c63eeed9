package gateway

import (
	"context"
	"io"

	"github.com/cgikit/cgikit/util"
)

// Request is one request as the web server's side described it.
type Request struct {
	// Environ holds every meta-variable that the web server sent, byte for byte and in order, with
	// the few changes that [BaseCGIHandler] lists.
	Environ *util.Environ

	// Stdin is the body: CONTENT_LENGTH bytes and then io.EOF. A body that ends early gives
	// io.ErrUnexpectedEOF, one that is over the server's MaxBodyBytes a [BodyTooLargeError]. In a
	// Request that an App gets it is never nil, and [NoBody] where there is no body.
	Stdin io.Reader

	// ContentLength is the length of the body in bytes, and -1 where only the end of Stdin will
	// tell. In a Request that a program makes for a [Backend], zero beside a Stdin that is neither
	// nil nor NoBody means unknown too, as in http.Request. CONTENT_LENGTH is what the web server
	// declared; where it is there, the two are equal.
	ContentLength int64

	// Stderr is the web server's error log where the protocol has a way there (FastCGI), else the
	// process's own standard error. It is safe for concurrent use only where the transport says so.
	Stderr io.Writer

	// Scheme is "http" or "https".
	Scheme string

	// EscapedPath is the path of the request's target as the client sent it, mount included and
	// still percent-encoded, where this process read the request from HTTP itself, or made
	// SCRIPT_NAME and PATH_INFO of REQUEST_URI, as a server's Mount does: both are decoded and
	// cannot tell an encoded slash from another. It is empty where a web server sent the two: it
	// has decided what they say.
	EscapedPath string

	// OriginServer says that the response goes to the client as it is. Otherwise a web server
	// passes it on, and acts on what is meant for it: X-Accel-Redirect, X-Sendfile and their kind.
	OriginServer bool

	Multithread  bool // the App may be called by another goroutine at the same time
	Multiprocess bool // an equal App may be called by another process at the same time
	RunOnce      bool // the process expects to answer this request only

	ctx     context.Context
	failure *Failure
}

// Failure is why an App did not answer its request.
type Failure struct {
	Err   error  // what the App returned, or its panic
	Stack []byte // bounded by TracebackLimit; nil unless the App panicked
}

// Failure tells a [BaseCGIHandler.ErrorOutput] why it is called, as sys.exc_info tells wsgiref's
// error_output. It is nil in any other App. Both parts may hold secrets, so that a page for the
// public must not show them: the built-in page never does.
func (r *Request) Failure() *Failure { return r.failure }

// NoBody is the Stdin of a request without a body: it is at its end. A [Backend] need not find out
// how long that is.
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

// Warn writes one line about r to the web server's error log: a fault that was put right, so that
// the client sees nothing of it. It is for the gateway's own words; Stderr itself is for those of
// the application. A Stderr that has a method Warn(text string) gets the text, and adds what its
// log has for each line. Any other gets a line with the request's method and target. A nil Stderr
// stands for that of the process.
func (r *Request) Warn(text string) {
	if log, ok := r.Stderr.(interface{ Warn(text string) }); ok {
		log.Warn(text)
		return
	}
	logText(r, text, nil)
}
