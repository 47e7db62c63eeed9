package httpapp

import (
	"cmp"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
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
// gateway.ResponseWriter. net/http loses some of what an App sets: the reason phrase, the spelling
// of field names, and the order of fields. It adds the Date. A Content-Type is not sniffed.
//
// A request whose path is not below Mount is answered 404, one whose path contains a NUL 400, one
// whose target is longer than 64 KiB 414, and one with too many fields 431. For a head over
// http.Server.MaxHeaderBytes, which [Server.MaxParamsBytes] sets, net/http itself answers 431,
// whichever part of the head is too long. CONNECT is answered 405 without the App, since a 2xx
// would open a tunnel (RFC 9110 section 9.3.6). The preface of an HTTP/2 connection, which net/http
// passes on as a request "PRI *", is answered 400 (RFC 9113 section 3.4).
//
// If a response breaks after its head was committed, ServeHTTP panics with http.ErrAbortHandler.
// net/http then breaks the connection or stream, so that the client does not take the response for
// a complete one. If the App leaves a body unread, ServeHTTP reads the rest, for 5 seconds without
// a byte. Outside of a [Server], the end of a response without a length waits for that.
//
// net/http.ServeMux cleans paths before a handler sees them. For an App that must see repeated
// slashes, make the AppHandler the server's own handler, and set Mount if the App is not at the
// root.
//
// wsgiref's simple_server has the same bounds of the target and the fields. It differs otherwise:
// it sends a body in answer to HEAD, has no REQUEST_URI, invents a CONTENT_TYPE text/plain, joins
// repeated fields without a space, puts a field X_A into the variable of X-A and Proxy into
// HTTP_PROXY, takes an absolute-form target for a path, collapses slashes at the beginning of
// PATH_INFO, and serves one request at a time.
type AppHandler struct {
	// App answers the requests. It must be set, and must be able to answer several requests at the
	// same time.
	App gateway.App

	// Mount is the decoded path of the App, such as "/app". It becomes SCRIPT_NAME, and the rest of
	// the path PATH_INFO. Empty and "/" mean the root. Mount matches whole segments, and a %2F of
	// the client never matches one of its slashes. If a path is below Mount only in normal form
	// (see exchange.Target), such as "//app/x", its normal form is used.
	Mount string

	// BaseEnviron has variables for each request, as wsgiref's base_environ. The variables of the
	// request replace those of the same name, so that REQUEST_METHOD, for example, has no effect
	// here. CONTENT_LENGTH has none either, since it would announce a body. Nil means no variables.
	// BaseEnviron must not change while requests are answered.
	BaseEnviron *util.Environ

	// ErrorLog gets what the App writes to its error stream, one record at level Error for each
	// write. It also gets the error of a request that failed: at level Warn if the client caused
	// it, and otherwise at level Error. Nil means os.Stderr.
	ErrorLog *slog.Logger

	// MaxBodyBytes bounds the request body, in bytes. A larger one is answered 413. Zero and
	// negative mean no bound.
	MaxBodyBytes int64

	// MaxParams bounds the number of fields of a request, counting repeated ones each time. A
	// request with more is answered 431. Zero means 1,024, negative no bound.
	// http.Server.MaxHeaderBytes bounds the bytes of the head.
	MaxParams int

	// TrustedProxies has the peers whose fields X-Forwarded-For, X-Forwarded-Proto,
	// X-Forwarded-Host and X-Forwarded-Port, or Forwarded (RFC 7239), describe the request of their
	// client. With TrustUnix, peers on unix sockets are trusted too. If both are empty, no peer is.
	//
	// REMOTE_ADDR becomes the address of the client: the first one from the right of
	// X-Forwarded-For that is not a trusted proxy, or the leftmost if all are. An element that is
	// no address ends the search, and what was found before it counts: nginx's realip module does
	// the same with real_ip_recursive on. REMOTE_PORT is the port in that element, and is not set
	// if it has none. HTTPS, REQUEST_SCHEME, SERVER_NAME and SERVER_PORT become those of the server
	// that the client has reached, as far as the fields say them. If a field is a list, the element
	// counts that belongs to the client's address. HTTP_HOST and the fields themselves stay as
	// received.
	//
	// A request with X-Forwarded-For is described by the X-Forwarded fields alone, and one with
	// Forwarded but without X-Forwarded-For by Forwarded alone. A trusted proxy must set or remove
	// each of these fields, since otherwise its clients can: nginx and HAProxy pass on Forwarded,
	// and the X-Forwarded fields that they do not set. Malformed elements are ignored and logged
	// (again only after a minute without one).
	TrustedProxies []netip.Prefix
	TrustUnix      bool

	// DropRequestID leaves the field X-Request-ID of all other peers out of the variables. With
	// gateway.Identify, clients then cannot choose the ids of their requests.
	DropRequestID bool

	// Refused, if not nil, is called for each request that is answered without the App. Several
	// goroutines may call it at the same time. For requests that net/http refuses before it calls a
	// handler, only a Server calls its Refused.
	Refused func(*gateway.Refusal)

	readTimeout time.Duration // bounds each wait for more of the body; zero or less: no bound
	// bounds each wait for an HTTP/2 client to take more of the response; conn does it for HTTP/1
	writeTimeout time.Duration

	overLimit accept.Notice
	malformed accept.Notice // of fields of trusted proxies
	bothKinds accept.Notice // of fields of trusted proxies in one request
}

// ServeHTTP implements http.Handler.
func (h *AppHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fields := h.readForwarded(r)
	r = fields.withClient(r)
	environ, err := h.describe(r)
	if err != nil {
		h.refuse(w, r, fields, err)
		return
	}
	fields.describe(environ)
	if fields == nil && h.DropRequestID {
		environ.Del("HTTP_X_REQUEST_ID")
	}
	input := &stdin{body: r.Body}
	output := &stdout{w: w, input: input}
	if r.ProtoMajor == 2 {
		output.timeout = h.writeTimeout
	}
	run := gateway.BaseCGIHandler{
		Environ:      environ,
		EscapedPath:  escapedPath(r),
		Stdin:        input,
		StdinStream:  r.ContentLength < 0,
		Stdout:       output,
		OriginServer: isOriginServer(r),
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
		// An App may read after it began to write, on every transport. net/http needs this call for
		// HTTP/1 only.
		_ = input.control.EnableFullDuplex()
	}
	if err := run.Run(r.Context(), h.App); err != nil {
		panic(http.ErrAbortHandler) // the error has been logged
	}
	if r.ContentLength != 0 {
		finishBody(w, r, input, output)
	}
}

// isOriginServer reports whether the response to r goes to the client unchanged. It does not if r
// was made from an App's request, whose response goes to a web server.
func isOriginServer(r *http.Request) bool {
	request := Request(r)
	return request == nil || request.OriginServer
}

// errConnect is the reason to refuse a CONNECT.
var errConnect = errors.New("httpapp: CONNECT is a method of proxies only")

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

// refuse answers a request in place of the App.
func (h *AppHandler) refuse(w http.ResponseWriter, r *http.Request, fields *forwarded, err error) {
	if errors.Is(err, ErrOutsideMount) {
		h.answerRefused(w, r, fields, http.StatusNotFound, "404 page not found", err)
		return
	}
	if err == errConnect {
		w.Header().Set("Connection", "close") // the next bytes may belong to the tunnel
		w.Header().Set("Allow", exchange.AllowWithoutConnect)
		h.answerRefused(w, r, fields, http.StatusMethodNotAllowed, "This server is not a proxy.", err)
		return
	}
	limit := (*limitError)(nil)
	if !errors.As(err, &limit) {
		// the next request may begin at another byte for the client than for net/http
		w.Header().Set("Connection", "close")
		h.answerRefused(w, r, fields, http.StatusBadRequest, "The request cannot be understood.", err)
		return
	}
	if h.ErrorLog != nil && h.overLimit.IsNews() {
		h.ErrorLog.Warn("refusing requests above a limit", "error", err, "peer", r.RemoteAddr)
	}
	h.answerRefused(w, r, fields, limit.status, "The head of the request is too large.", err)
}

// Bounds on reading a body that the App has not read: time in all, time without a byte, and size.
// They are those of package transport. earlyTime is the time for a body that delays the end of its
// response. It is enough for a body that arrives with its head, so that the connection can be used
// again.
const (
	lingerTime  = 30 * time.Second
	lingerPause = 5 * time.Second
	lingerBytes = 256 << 20
	earlyTime   = 100 * time.Millisecond
)

// finishBody reads the rest of the body that the App has not read. If the body broke off, or the
// client stopped sending, later bytes of the body would pass for the next request (request
// smuggling), so finishBody makes net/http close the connection. net/http does so by itself only
// without full duplex.
func finishBody(w http.ResponseWriter, r *http.Request, input *stdin, output *stdout) {
	whole, late := !input.failed.Load(), input.late.Load()
	if !input.ended.Load() {
		err := readUnread(w, r, output)
		whole, late = err == nil, errors.Is(err, os.ErrDeadlineExceeded)
	}
	control := http.NewResponseController(w)
	if !whole {
		// otherwise Close would read for as long as the client sends
		_ = control.SetReadDeadline(time.Unix(1, 0))
	}
	// Under full duplex, the body must be closed before the handler returns. If net/http (1.26)
	// closes it afterwards, the next read of the connection panics with "invalid concurrent
	// Body.Read call".
	_ = r.Body.Close()
	if whole || output.closes || r.ProtoMajor != 1 || late && stopReading(r) {
		return
	}
	_ = control.Flush()
	panic(http.ErrAbortHandler)
}

// readUnread flushes the response, and then reads the rest of a body. It returns nil if the body is
// complete. If the rest were left unread, the close would be a reset, by which a client that is
// still sending loses the response. net/http itself reads 256 KiB only, and waits for half a
// second.
//
// net/http writes the end of a response without a length after the handler has returned. A Server
// therefore waits for earlyTime only, and reads the rest of the body after the response.
func readUnread(w http.ResponseWriter, r *http.Request, output *stdout) error {
	_ = http.NewResponseController(w).Flush()
	c := connOf(r)
	if c == nil || output.sized || r.Method == http.MethodHead {
		return discardBody(w, r, lingerTime)
	}
	err := discardBody(w, r, earlyTime)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.lingers.Store(true)
	}
	return err
}

var errBodyTooLong = errors.New("httpapp: the unread part of the body is too long")

// discardBody reads the rest of a body for the given time at most. It returns nil at the end of the
// body, and os.ErrDeadlineExceeded if the time is over or the client sends nothing for lingerPause.
func discardBody(w http.ResponseWriter, r *http.Request, timeout time.Duration) error {
	control := http.NewResponseController(w)
	end := time.Now().Add(timeout)
	block := make([]byte, 32<<10)
	for left := lingerBytes; left > 0; {
		until := time.Now().Add(lingerPause)
		if until.After(end) {
			until = end
		}
		_ = control.SetReadDeadline(until)
		n, err := r.Body.Read(block)
		if err == io.EOF {
			_ = control.SetReadDeadline(time.Time{})
			return nil
		}
		if err != nil {
			return err
		}
		left -= n
	}
	return errBodyTooLong
}

// connOf returns the connection of r if it belongs to a Server and has one request at a time, and
// otherwise nil.
func connOf(r *http.Request) *conn {
	if r.ProtoMajor != 1 {
		return nil
	}
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}

// stopReading makes the connection of r read nothing more, so that a complete response can be
// finished. It returns false if the connection does not belong to a Server.
func stopReading(r *http.Request) bool {
	c := connOf(r)
	if c != nil {
		c.stopped.Store(true)
	}
	return c != nil
}

func (h *AppHandler) logException(r *gateway.Request, err error, stack []byte) {
	attrs := []slog.Attr{
		slog.String("method", r.Environ.Get("REQUEST_METHOD")),
		slog.String("uri", r.Environ.Get("REQUEST_URI")),
		slog.Any("error", err),
	}
	if id := r.ID(); id != "" {
		attrs = append(attrs, slog.String("request_id", id))
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
