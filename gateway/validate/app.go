package validate

import (
	"io"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// New returns an App that answers with app and checks both sides of the contract, by the [Rules],
// while it does. nil options are the zero ones. It panics where app is nil.
//
// A request that obeys the rules passes unchanged: files still go by sendfile(2), Flush flushes,
// and the request's context is not asked for anything. A [Violation] is reported once for each
// rule and request. An error fails the request, unless [Options] keep it going. A warning never
// does: it is about what works here but not everywhere, about what the web server or its client
// may be to blame for, or about what Go programmers expect and WSGI forbids, such as a Write
// before Start.
//
// A request that the gateway describes wrongly is refused before app is called. At an error of app
// the call that makes it, and every later one on the ResponseWriter and on Stdin, return the
// [*Violation], and nothing more is sent. The App returns it too, whatever app returned. The client
// gets the error page if the head was not committed, and a broken response if it was.
//
// The head is checked when it is about to be committed, since fields may change until then: more
// than 4 KiB of body wait, a file is sent, Flush is called, or app returns. What a gateway itself
// refuses is an error here too, and found earlier. The response of an app that returns an error or
// panics is not checked, because the client gets another one.
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

// call is what one request needs, in one allocation. The application may hold on to parts of it, so
// it is not pooled.
type call struct {
	exchange exchange
	request  gateway.Request
	writer   writer
	stdin    stdin
	stderr   stderr
}

// ServeGateway implements gateway.App. A panic goes on to the gateway, with the application on its
// stack.
func (v *validator) ServeGateway(w gateway.ResponseWriter, r *gateway.Request) error {
	c := &call{request: *r, exchange: exchange{opts: v.opts, carried: true, stderr: r.Stderr, ctx: r.Context()}}
	x := &c.exchange
	defer x.ended.Store(true)
	x.checkEnviron(r.Environ)
	x.checkRequest(w, r)
	if err := x.failed(); err != nil {
		return err
	}
	c.wrap(w, r)
	err := v.app.ServeGateway(&c.writer, &c.request)
	if err == nil {
		c.writer.finish()
	}
	if failure := x.failed(); failure != nil {
		return failure // and not err, which is most often the same one, wrapped by the application
	}
	return err
}

// checkRequest checks that everything is there.
func (x *exchange) checkRequest(w gateway.ResponseWriter, r *gateway.Request) {
	x.requireParts(part{"Environ", r.Environ != nil}, part{"Stdin", r.Stdin != nil}, part{"Stderr", r.Stderr != nil},
		part{"ResponseWriter", w != nil && w.Headers() != nil})
	x.require(r.Scheme == "http" || r.Scheme == "https", requestScheme, r.Scheme)
}

// part is something that a request must have.
type part struct {
	name string
	ok   bool
}

func (x *exchange) requireParts(parts ...part) {
	for _, p := range parts {
		x.require(p.ok, requestIncomplete, p.name)
	}
}

// wrap puts the checks around the streams. What is nil stays so: the application is to see what it
// would have seen.
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
