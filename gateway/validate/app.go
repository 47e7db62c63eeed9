package validate

import (
	"io"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// New returns an App that answers with app, and meanwhile checks both sides of the contract by the
// [Rules]. nil opts means the zero Options. New panics if app is nil.
//
// A request that obeys the rules is not changed: files are still sent by sendfile(2), Flush
// flushes, and no method of the request's context is called. A [Violation] is reported once for
// each rule and request. A violation of severity error fails the request, unless Options.KeepGoing
// is set. A warning never does: it reports a thing that does not work with every web server, that
// may be the fault of the web server or its client, or that Go programmers expect and WSGI forbids,
// such as a Write before Start.
//
// If the gateway breaks a rule in the request, the request is refused before app is called. If app
// breaks a rule, that call and every later one on the ResponseWriter and on Stdin return the
// [*Violation], and nothing more is sent. The App returns it too, whatever app returned. The client
// gets the error page if the head was not committed, and a broken response otherwise.
//
// The head is checked just before it is committed, since fields may change until then: when more
// than 4 KiB of body are buffered, when a file is sent, at Flush, or when app returns. A violation
// for which a gateway itself sends the error page is an error here too, and is detected earlier.
// The response of an app that returns an error or panics is not checked, because the client gets
// another one.
func New(app gateway.App, opts *Options) gateway.App {
	if app == nil {
		panic("validate: the App is nil")
	}
	if opts == nil {
		opts = new(Options)
	}
	return &validator{app: app, opts: opts}
}

type validator struct {
	app  gateway.App
	opts *Options
}

// call is the state of one request, in one allocation. It is not pooled, because the application
// may keep parts of it.
type call struct {
	exchange exchange
	request  gateway.Request
	writer   writer
	stdin    stdin
	stderr   stderr
}

// ServeGateway implements gateway.App. It does not recover a panic, so that the gateway logs a
// stack with the application.
func (v *validator) ServeGateway(w gateway.ResponseWriter, r *gateway.Request) error {
	c := &call{request: *r, exchange: exchange{opts: v.opts, returnsError: true, stderr: r.Stderr, ctx: r.Context()}}
	x := &c.exchange
	defer x.ended.Store(true)
	x.checkEnviron(r.Environ)
	x.checkRequest(w, r)
	if err := x.fatalViolation(); err != nil {
		return err
	}
	c.wrap(w, r)
	err := v.app.ServeGateway(&c.writer, &c.request)
	if err == nil {
		c.writer.finish()
	}
	if failure := x.fatalViolation(); failure != nil {
		return failure // not err, which in most cases wraps the same violation
	}
	return err
}

// checkRequest checks that no part of the request is missing.
func (x *exchange) checkRequest(w gateway.ResponseWriter, r *gateway.Request) {
	x.requireParts(requestPart{"Environ", r.Environ != nil}, requestPart{"Stdin", r.Stdin != nil}, requestPart{"Stderr", r.Stderr != nil},
		requestPart{"ResponseWriter", w != nil && w.Headers() != nil})
	x.require(r.Scheme == "http" || r.Scheme == "https", requestScheme, r.Scheme)
}

// requestPart is a part that a request must have.
type requestPart struct {
	name string
	ok   bool
}

func (x *exchange) requireParts(parts ...requestPart) {
	for _, p := range parts {
		x.require(p.ok, requestIncomplete, p.name)
	}
}

// wrap wraps the streams by those with checks. A nil stream stays nil, as it is without the checks.
func (c *call) wrap(w gateway.ResponseWriter, r *gateway.Request) {
	x := &c.exchange
	c.writer = writer{out: w, response: response{x: x, isHead: x.method == "HEAD"}}
	c.stdin = stdin{x: x, in: r.Stdin, length: declaredLength(r.Environ)}
	c.stderr = stderr{x: x, out: r.Stderr}
	if r.Stdin != nil {
		c.request.Stdin = &c.stdin
	}
	if r.Stderr != nil {
		c.request.Stderr = &c.stderr
	}
}

func declaredLength(e *util.Environ) int64 {
	if n, ok := parseLength(e.Get("CONTENT_LENGTH")); ok {
		return n
	}
	return unknownLength
}

var (
	_ gateway.ResponseWriter = (*writer)(nil)
	_ io.ReaderFrom          = (*writer)(nil)
	_ io.StringWriter        = (*writer)(nil)
)
