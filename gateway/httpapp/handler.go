package httpapp

import (
	"cmp"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/internal/accept"
	"github.com/cgikit/cgikit/gateway/transport"
	"github.com/cgikit/cgikit/util"
)

// Handler returns an http.Handler that answers with app, mounted at the root. It is an [AppHandler]
// without options.
func Handler(app gateway.App) http.Handler { return &AppHandler{App: app} }

// AppHandler is an http.Handler that answers with an App. It may serve any number of requests at
// the same time, and its fields must not change meanwhile.
//
// It describes the request by the variables of [MetaVariables], and answers by the rules of
// gateway.ResponseWriter. net/http loses some of what an App can say: the reason phrase, the
// spelling of field names, and the order of fields. It adds the Date, and does not sniff a
// Content-Type.
//
// A request whose path is not below Mount is answered 404, one whose path holds a NUL 400, one
// whose target is longer than 64 KiB 414, and one with too many fields 431. For a head over
// http.Server.MaxHeaderBytes, which [Server.MaxParamsBytes] sets, net/http itself answers 431,
// whichever part of the head was too long. CONNECT is answered 405, whatever the App would say: a
// 2xx would open a tunnel (RFC 9110 section 9.3.6). The preface of an HTTP/2 connection that
// net/http passes on as a request, "PRI *", is answered 400 (RFC 9113 section 3.4).
//
// A response that breaks after its head was committed
// ends in a panic with http.ErrAbortHandler, by which net/http breaks the connection or stream, so
// that the client does not take it for a complete one.
//
// net/http.ServeMux cleans paths before a handler sees them. An App that is to see repeated slashes
// has to be the server's own handler, with Mount where it is not at the root.
//
// wsgiref's simple_server, which bounds the target and the fields alike, differs otherwise: it
// sends a body in answer to HEAD, has no REQUEST_URI, invents a CONTENT_TYPE text/plain, joins
// repeated fields without a space, lets a field X_A into the variable of X-A and Proxy into
// HTTP_PROXY, takes an absolute-form target for a path, collapses slashes at the beginning of
// PATH_INFO, and serves one request at a time.
type AppHandler struct {
	// App answers the requests. It must be set, and fit for several requests at the same time.
	App gateway.App

	// Mount is the path below which the App lives, decoded, such as "/app": SCRIPT_NAME. The rest
	// of the path is PATH_INFO. Empty and "/" are the root. It matches whole segments, and a %2F of
	// the client never counts as one of its slashes. A path that is not below it as it was sent,
	// but in normal form (see exchange.Target), such as "//app/x", is taken in that form.
	Mount string

	// BaseEnviron has variables for each request, wsgiref's base_environ. The request's own come
	// before them, so that REQUEST_METHOD, say, has no effect here. CONTENT_LENGTH has none either:
	// it would announce a body. Nil is none. It must not change while requests are answered.
	BaseEnviron *util.Environ

	// ErrorLog takes what the App writes to its error stream, one record at level Error for each
	// write, and why it failed: at level Error too, but at level Warn where the client is to blame.
	// Nil is os.Stderr.
	ErrorLog *slog.Logger

	// MaxBodyBytes bounds the request body, in bytes: a larger one is answered 413. Zero and
	// negative mean no bound.
	MaxBodyBytes int64

	// MaxParams bounds the number of fields of a request, repeats counted; more are answered 431.
	// Zero is 1,024, negative is no bound. How many bytes a request's head may have is
	// http.Server.MaxHeaderBytes.
	MaxParams int

	// Refused, if not nil, is told of each request that is answered without the App. It is called
	// by several goroutines at the same time. What net/http refuses before it calls a handler is
	// told by a Server only.
	Refused func(*gateway.Refusal)

	readTimeout time.Duration // bounds each wait for more of the body; not positive is none
	overLimit   accept.Notice
}

// ServeHTTP implements http.Handler.
func (h *AppHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	environ, err := h.describe(r)
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	input := &stdin{body: r.Body}
	output := &stdout{w: w, input: input}
	run := gateway.BaseCGIHandler{
		Environ:      environ,
		EscapedPath:  escapedPath(r),
		Stdin:        input,
		StdinStream:  r.ContentLength < 0,
		Stdout:       output,
		OriginServer: originServer(r),
		Multithread:  true,
		MaxBodyBytes: h.MaxBodyBytes,
		Refused:      h.Refused,
	}
	if h.ErrorLog != nil {
		run.Stderr = slog.NewLogLogger(h.ErrorLog.Handler(), slog.LevelError).Writer()
		run.LogException = h.logException
	}
	if r.ContentLength != 0 {
		input.control, input.timeout = http.NewResponseController(w), h.readTimeout
		// An App may read on after it began to write, on every transport. HTTP/1 needs to be told,
		// other versions do not.
		_ = input.control.EnableFullDuplex()
	}
	if err := run.Run(r.Context(), h.App); err != nil {
		panic(http.ErrAbortHandler) // what is worth a line has been logged
	}
	if r.ContentLength != 0 {
		endBody(w, r, input, output.closes)
	}
}

// originServer reports whether the response to r goes to the client as it is. It does not where r
// is an App's request from a web server.
func originServer(r *http.Request) bool {
	request := Request(r)
	return request == nil || request.OriginServer
}

// errConnect is why a CONNECT is refused.
var errConnect = errors.New("httpapp: CONNECT is for proxies")

func (h *AppHandler) describe(r *http.Request) (*util.Environ, error) {
	if r.Method == http.MethodConnect {
		return nil, errConnect
	}
	if err := checkHead(r, cmp.Or(h.MaxParams, transport.DefaultMaxParams)); err != nil {
		return nil, err
	}
	e, err := MetaVariables(r, h.Mount)
	if errors.Is(err, ErrOutsideMount) {
		e, err = normalVariables(r, h.Mount)
	}
	if err != nil {
		return nil, err
	}
	for name, value := range h.BaseEnviron.All() {
		if _, ok := e.Lookup(name); !ok && name != "CONTENT_LENGTH" {
			e.Add(name, value)
		}
	}
	return e, nil
}

// refuse answers a request that the App does not get to see.
func (h *AppHandler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, ErrOutsideMount) {
		refuse(w, r, h.Refused, http.StatusNotFound, "404 page not found", err)
		return
	}
	if err == errConnect {
		w.Header().Set("Connection", "close") // what follows may be meant for the tunnel
		refuse(w, r, h.Refused, http.StatusMethodNotAllowed, "This is no proxy.", err)
		return
	}
	limit := (*limitError)(nil)
	if !errors.As(err, &limit) {
		// the client may take other bytes for its next request than net/http
		w.Header().Set("Connection", "close")
		refuse(w, r, h.Refused, http.StatusBadRequest, "The request cannot be understood.", err)
		return
	}
	if h.ErrorLog != nil && h.overLimit.IsNews() {
		h.ErrorLog.Warn("refusing requests above a limit", "error", err, "peer", r.RemoteAddr)
	}
	refuse(w, r, h.Refused, limit.status, "The head of the request is too large.", err)
}

// Bounds on reading a body that nobody wants, those of package scgi: in all, without a byte, and in
// size.
const (
	lingerTime  = 30 * time.Second
	lingerPause = 5 * time.Second
	lingerBytes = 256 << 20
)

// endBody ends what the App left of a body. One that broke off, or that the client does not go on
// with, leaves a connection on which the rest would pass for the next request (request smuggling):
// net/http closes it by itself only where it is not full duplex.
func endBody(w http.ResponseWriter, r *http.Request, input *stdin, closes bool) {
	whole, late := !input.failed.Load(), input.late.Load()
	if !input.ended.Load() {
		whole, late = readUnread(w, r)
	}
	control := http.NewResponseController(w)
	if !whole {
		// Close would read on, for as long as the client likes
		_ = control.SetReadDeadline(time.Unix(1, 0))
	}
	// Under full duplex net/http (1.26) must not be left to close the body itself when the handler
	// has returned: the connection's next read panics with "invalid concurrent Body.Read call".
	_ = r.Body.Close()
	if whole || closes || r.ProtoMajor != 1 || late && spend(r) {
		return
	}
	_ = control.Flush()
	panic(http.ErrAbortHandler)
}

// readUnread reads a body that the App did not, with the response on its way first, and reports
// whether it came to its end, or else whether that was because the client fell silent. A client
// that is still sending would lose the response to a reset if the rest were left unread: net/http
// reads 256 KiB of it, and waits for half a second.
func readUnread(w http.ResponseWriter, r *http.Request) (whole, late bool) {
	control := http.NewResponseController(w)
	_ = control.Flush()
	end := time.Now().Add(lingerTime)
	block := make([]byte, 32<<10)
	for left := lingerBytes; left > 0 && time.Now().Before(end); {
		_ = control.SetReadDeadline(time.Now().Add(lingerPause))
		n, err := r.Body.Read(block)
		if err == io.EOF {
			_ = control.SetReadDeadline(time.Time{})
			return true, false
		}
		if err != nil {
			return false, errors.Is(err, os.ErrDeadlineExceeded)
		}
		left -= n
	}
	return false, false
}

// spend has nothing more read from the connection of r, if it is one of a Server's: a whole
// response can then end as it should.
func spend(r *http.Request) bool {
	c, ok := r.Context().Value(connKey{}).(*conn)
	if ok {
		c.spent.Store(true)
	}
	return ok
}

func (h *AppHandler) logException(r *gateway.Request, err error, stack []byte) {
	attrs := []slog.Attr{
		slog.String("method", r.Environ.Get("REQUEST_METHOD")),
		slog.String("uri", r.Environ.Get("REQUEST_URI")),
		slog.Any("error", err),
	}
	if stack != nil {
		attrs = append(attrs, slog.String("stack", string(stack)))
	}
	level, text := slog.LevelError, "httpapp: app failed"
	if gateway.IsClientFault(err) {
		level, text = slog.LevelWarn, "httpapp: bad request"
	}
	h.ErrorLog.LogAttrs(r.Context(), level, text, attrs...)
}
