package host

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/gateway/internal/accept"
)

// Handler answers requests with a backend. It is an http.Handler and a gateway.App, and may serve
// any number of requests at the same time. Its fields must not change after the first use.
// [Handler.Check] reports whether they are valid. One application at /app needs two fields:
//
//	http.Handle("/app/", &host.Handler{Backend: &scgi.Client{Addr: "127.0.0.1:4000"}, Mount: "/app"})
//
// # Variables
//
// The variables of RFC 3875 section 4.1 come from httpapp.MetaVariables, whose documentation has
// the rules for a client's fields. A Handler adds variables that backends expect of a web server,
// and removes those that a client must not set:
//
//	DOCUMENT_ROOT      Root
//	DOCUMENT_URI       SCRIPT_NAME and PATH_INFO, as in nginx
//	PATH_TRANSLATED    Root and PATH_INFO, if both are set; it never leads out of Root
//	REDIRECT_STATUS    200, without which php-cgi refuses to run
//	REMOTE_HOST        REMOTE_ADDR without its zone, if it is an address
//	SCRIPT_FILENAME    the file of the script that was found below Root
//
//	HTTP_AUTHORIZATION         is removed unless PassAuthorization is set
//	HTTP_TRANSFER_ENCODING     is removed: the backend gets the body decoded
//	PHP_VALUE, PHP_ADMIN_VALUE are removed: the sender of a FastCGI request must not configure PHP
//
// Env is added last. It cannot set a variable that describes the request (CVE-2025-65082), and a
// client cannot set a variable that does not begin with HTTP_ (CVE-2024-8927). A value that begins
// like a shell function is refused (CVE-2014-6271).
//
// # The path
//
// The path of an HTTP request is interpreted as nginx, Apache and lighttpd do. It is split into
// segments before it is decoded. Empty segments and dot segments are removed, and a path that leads
// above the root is a 400. Without SplitPath the backend is one application: SCRIPT_NAME is Mount,
// and PATH_INFO the rest of the path, decoded. With SplitPath, [Scripts] finds a script below Root.
// A slash that the client encoded is then part of a name, and no file has such a name: before the
// end of the script's name it is a 404. PATH_INFO is the path after the script, decoded and
// normalised separately. REQUEST_URI is as the client sent it. CONNECT is a 405.
//
// The path that a web server sent over FastCGI or SCGI is not changed, because that server has
// interpreted it by its own rules. With SplitPath, or a Mount, SCRIPT_NAME and PATH_INFO together
// are split again. If neither was sent, DOCUMENT_URI or REQUEST_URI is used: see exchange.Complete.
//
// # The response
//
// The rules of gateway.ResponseWriter apply. gateway.Response.Final documents which fields reach
// the client, and gateway.Forward how a body is handled that is longer or shorter than declared. In
// addition:
//
//   - A response without Content-Type gets none; X-Content-Type-Options: nosniff keeps browsers
//     from guessing (CVE-2020-24553).
//   - A response with a path as Location, without Status and other fields, is a local redirect (RFC
//     3875 section 6.2.2). The Router answers it as a GET, or as a HEAD if the request is a HEAD,
//     without a body. The 11th in a row is a 502.
//   - X-Sendfile, X-Accel-Redirect and similar fields are instructions to the web server. If a web
//     server is in front, they are passed to it: over FastCGI, SCGI and CGI always, and over HTTP
//     with PassAccel. Otherwise the Handler follows them, if Offload and Buffer allow it, and
//     removes them. It logs the names of those without effect. X-CGI fields (section 6.3.5) are
//     always removed.
//   - Interim responses (1xx) are dropped. gateway.ReadResponse documents which other malformed
//     heads are corrected.
//
// # Failures
//
// The status of a failure shows whose fault it is, with a sentence that names the cause. Only the
// log has the details. After the first byte the response is broken, so that a client can see that
// it is not complete.
//
//   - The client: 400 for a body that breaks off or is malformed, 408 for one that is late, 413 for
//     one that is too large. A client that has closed the connection gets nothing, and Access gets
//     the status 499.
//   - The server: 500 for a Root that cannot be read, 503 if the server is short of disk space,
//     memory or file descriptors, or is closed.
//   - The backend: 503 if it is busy, 504 if it is too slow, and otherwise 502.
//
// A failure is logged once, at level Warn if it is the client's fault, and not at all if the client
// has closed the connection. The error stream of a backend is logged line by line, with control
// characters escaped, within bounds.
//
// # Slow clients
//
// A backend that answers a few requests at a time, as php-fpm with its children does, should not
// wait for slow clients: for such a backend set Buffer. Without Buffer a backend gets the body
// while the client sends it, and may answer at the same time. Then backend and client must not wait
// for each other: see gateway.Forward for how long the head of such a response is held back.
type Handler struct {
	// Backend answers the requests. It must be set.
	Backend gateway.Backend

	// Mount is the decoded path of the application, or of Root, for clients, such as "/app", and
	// "/" for the root. It becomes SCRIPT_NAME, or its beginning. It is compared with the whole
	// path, even if a server or another App has split off a prefix already. It matches whole
	// segments. A request for a path that is not below it is answered 404.
	//
	// An empty Mount means the SCRIPT_NAME of the request: over HTTP the Mount of the server, and
	// otherwise what the web server sent.
	Mount string

	// Root is the folder of the site, which becomes DOCUMENT_ROOT. It must be an absolute path.
	// SplitPath needs it.
	Root string

	// Symlinks says which symbolic links are followed below Root and below the folders of Offload.
	// Zero means exchange.SymlinksOwner: links that belong to root or to the owner of their target.
	// A link that is not followed is logged. Root and the folders themselves may be links, which
	// are resolved again once a second.
	Symlinks exchange.Symlinks

	// ResolveRoot sends the backend the path of Root without symbolic links, as DOCUMENT_ROOT and
	// at the beginning of SCRIPT_FILENAME and PATH_TRANSLATED. Use it if Root is a link to a
	// release and PHP caches opcodes by the names of files: otherwise PHP runs the code of the last
	// release for the names of the next one. It cannot be used with BackendRoot.
	ResolveRoot bool

	// BackendRoot is the path of Root for a backend in a container or a chroot. Empty means Root.
	BackendRoot string

	// SplitPath has the extensions of scripts, such as ".php": see [Scripts]. Empty means that the
	// backend is one application, to which every path below Mount belongs.
	SplitPath []string

	// Index has the names of files that are used for their folder, such as "index.php", in order of
	// preference.
	Index []string

	// Fallback is the script for a path at which no file exists, such as "/index.php" below Root: a
	// front controller. It may be a file, such as "/index.html", which Next sends. Empty means a
	// 404. As in nginx's "try_files $uri $uri/ /index.php", a file comes first, then the Index of a
	// folder, then Fallback. A path that names a script which does not exist is a 404, as with the
	// usual "try_files $uri =404" of nginx's location for scripts.
	Fallback string

	// Deny has patterns of paths that are answered 403, such as "/data" and "*.bak", for scripts
	// and files alike. A pattern that begins with a slash is compared with the path from the root
	// of the server. Any other is compared with each name in the path. "*", "?" and "[a-z]" match
	// within a segment, as in package path. A pattern also denies all that is below the path it
	// matches.
	//
	// The path is decoded and in normal form, so that no encoding of it is let through, and letters
	// are compared without regard to their case, as file systems do that ignore it. The script that
	// was found by Index or Fallback, and the paths of local redirects, are compared too. Files of
	// Offload are not: a path may be denied to clients and sent by the application.
	Deny []string

	// Next answers for a file below Root that is not a script. It is an App for static files, such
	// as a [Files] of the same Root. It is never called for a script, or for a name that begins
	// with a dot, except .well-known. Nil means a 404.
	//
	// Without SplitPath, Next answers for the files below Root, and for the folders that have one
	// of Index. The backend, which is one application, answers for all other paths, as with nginx's
	// "try_files $uri $uri/ @app".
	Next gateway.App

	// Env has variables for each request, as "NAME=value". They replace variables made from a
	// client's fields. They cannot replace variables that describe the request: see
	// [Handler.Check].
	Env []string

	// PassAuthorization passes the client's Authorization field on as HTTP_AUTHORIZATION, for an
	// application that checks it itself.
	PassAuthorization bool

	// Prepare, if not nil, may change the environ of a request before the backend gets it, also
	// after a local redirect. It can, for example, set REMOTE_USER and AUTH_TYPE from values that
	// an authenticating handler has put into the context.
	Prepare func(r *gateway.Request)

	// Buffer keeps slow clients from occupying the backend, as nginx does by default. The backend
	// gets a request when its body is complete, and its answer is read ahead if the client is slow.
	// A fast client gets each byte as early as without Buffer. The buffered bytes are in memory,
	// and then in temporary files, within Budget. If the Budget has no room, a body of known length
	// is passed on while it arrives, one of unknown length is answered 413 or 503, and no more of
	// an answer is read ahead. An answer with X-Accel-Buffering: no is not read ahead. Without
	// Buffer the backend gets a body while the client sends it, and can answer at the same time.
	Buffer bool

	// Budget bounds the buffered bytes in memory and in files, also without Buffer, since a body of
	// unknown length is buffered unless StreamBody is set. Several Handlers may have the same
	// Budget. Nil means a new Budget of this Handler with the default sizes.
	Budget *exchange.Budget

	// MaxBodyBytes bounds the request body, in bytes. A larger one is answered 413, if possible
	// because of its declared length before the client sends it. Zero means 1 GiB with Buffer, and
	// no bound without it. Negative means no bound.
	MaxBodyBytes int64

	// StreamBody passes a body of unknown length to the backend while it arrives, if the backend
	// accepts that: see [Spool.Stream]. Otherwise a [Spool] buffers it first. Set StreamBody if
	// Backend is itself a Spool with other settings. It has no effect with Buffer.
	StreamBody bool

	// Timeout bounds the time of a whole request. When it is over, a request without a response
	// head is answered 504, and a response under way is broken. With Buffer, a body that is not
	// complete by then is answered 408, and an answer that was read ahead to its end is sent
	// without a bound. Zero and negative mean no bound, which streams need; the backend still
	// bounds each single wait.
	Timeout time.Duration

	// Router answers local redirects. Nil means the Handler itself, without its outer handlers. If
	// those check access, or choose between several Handlers, Router must be the outermost one,
	// such as httpapp.New(mux).
	Router gateway.App

	// Offload allows responses to name a file in X-Accel-Redirect or X-Sendfile, which is sent in
	// place of their body. Its keys are prefixes of the paths in X-Accel-Redirect, such as
	// "/protected", and its values the folders of their files. X-Sendfile has the absolute path of
	// a file, which must be in one of these folders. Names are bytes without an encoding. Symbolic
	// links in a folder are followed as Symlinks says. A path with ".." is refused.
	//
	// The status of the response is kept. Range and conditional requests are answered only for a
	// 200 to a GET or HEAD. The fields are kept too, except those that describe the body which is
	// not sent, such as Content-Length, Content-Range and Content-Encoding. For a 206, the range in
	// its Content-Range is sent. A response without Content-Type gets one as from a [Files].
	//
	// Offload has no effect if a web server is in front: see PassAccel.
	Offload map[string]string

	// PassAccel passes X-Accel-Redirect, X-Accel-Buffering, X-Sendfile and similar fields to the
	// client. Set it if the client is a web server that handles them, such as nginx with
	// proxy_pass. Without it, a response over HTTP loses the fields that the Handler does not
	// handle itself, which is logged. Over FastCGI, SCGI and CGI there is always a web server in
	// front, and the fields are always passed.
	PassAccel bool

	// ErrorLog gets the lines that the backend writes to its error stream, one record at level Warn
	// for each. It also gets the errors of requests, at level Warn if they are the client's fault,
	// and otherwise at level Error. Nil means the error stream of the request: standard error, or
	// the web server's log over FastCGI.
	ErrorLog *slog.Logger

	// Access, if not nil, is called at the end of each request, in its goroutine. It is also called
	// for a request that the Handler refuses as an http.Handler.
	Access func(*gateway.Access)

	once    sync.Once
	front   *httpapp.AppHandler
	root    exchange.Root
	offload []*offloadFolder
	spool   *Spool
	denied  []pathPattern
	faulty  error // the error of checkFields

	accelRemoved accept.Notice
}

// setUp runs at the first request, when all fields are set.
func (h *Handler) setUp() {
	h.faulty = h.checkFields()
	h.denied, _ = parsePatterns("Deny", h.Deny) // checkFields has found the errors
	h.root.Path, h.root.Symlinks = h.Root, h.Symlinks
	h.offload = h.offloadFolders()
	h.spool = &Spool{Backend: h.Backend, Buffer: h.Buffer, Budget: h.Budget, MaxBodyBytes: h.MaxBodyBytes, Stream: h.StreamBody}
	var refused func(*gateway.Refusal)
	if h.Access != nil {
		refused = gateway.WatchRefusals(h.Access)
	}
	h.front = &httpapp.AppHandler{App: h, ErrorLog: h.ErrorLog, MaxBodyBytes: h.spool.maxBody(), Refused: refused}
}

// Reload opens Root and the folders of Offload again if their paths lead elsewhere now, without a
// wait for the next check. After an error the old folder stays in use: see
// [exchange.Root.Reload]. Next has its own folder: see [Files.Reload].
func (h *Handler) Reload() error {
	h.once.Do(h.setUp)
	var errs []error
	if h.Root != "" {
		errs = append(errs, h.root.Reload())
	}
	for _, f := range h.offload {
		errs = append(errs, f.root.Reload())
	}
	return errors.Join(errs...)
}

// ServeHTTP implements http.Handler. If a response breaks after its head, ServeHTTP panics with
// http.ErrAbortHandler, so that net/http breaks the connection.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.once.Do(h.setUp)
	h.front.ServeHTTP(w, r)
}

// ServeGateway implements gateway.App.
func (h *Handler) ServeGateway(w gateway.ResponseWriter, r *gateway.Request) error {
	h.once.Do(h.setUp)
	if h.Access == nil {
		return h.serve(w, r, new(gateway.Access))
	}
	m := gateway.NewMeter(w, r)
	err := h.serve(m, r, &m.Access)
	h.Access(m.Report(err))
	return err
}

// serve answers r, and fills in a for the access log.
func (h *Handler) serve(w gateway.ResponseWriter, r *gateway.Request, a *gateway.Access) error {
	if h.faulty != nil {
		return h.faulty
	}
	if h.Timeout > 0 {
		ctx, cancel := context.WithTimeout(r.Context(), h.Timeout)
		defer cancel()
		r = r.WithContext(ctx)
	}
	x := &relay{handler: h, access: a}
	defer x.close()
	resp, err := x.follow(gateway.TrackBody(r))
	if err != nil {
		return x.refuse(w, err)
	}
	return x.respond(w, resp)
}
