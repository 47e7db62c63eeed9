package host

import (
	"context"
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
// any number of requests at the same time. Its fields must not change once it is used;
// [Handler.Check] tells whether they fit together. For one application at /app it needs two:
//
//	http.Handle("/app/", &host.Handler{Backend: &scgi.Client{Addr: "127.0.0.1:4000"}, Mount: "/app"})
//
// # Variables
//
// The variables of RFC 3875 section 4.1 come from httpapp.MetaVariables, which says what becomes of
// a client's fields. A Handler adds those that backends expect of a web server, and removes what a
// client must not be able to tell them:
//
//	DOCUMENT_ROOT      Root
//	DOCUMENT_URI       SCRIPT_NAME and PATH_INFO, as nginx has it
//	PATH_TRANSLATED    Root and PATH_INFO, where both are there; it never leads out of Root
//	REDIRECT_STATUS    200, without which php-cgi refuses to run
//	REMOTE_HOST        REMOTE_ADDR, where that is an address, without its zone
//	SCRIPT_FILENAME    the file of the script that was found below Root
//
//	HTTP_AUTHORIZATION         is removed unless PassAuthorization is set
//	HTTP_TRANSFER_ENCODING     is removed: the backend gets the body decoded
//	PHP_VALUE, PHP_ADMIN_VALUE are removed: a FastCGI peer of ours must not configure PHP
//
// Env is added last. It cannot set a variable that says which request this is (CVE-2025-65082),
// and a client cannot set a variable that does not begin with HTTP_ (CVE-2024-8927). A value that
// begins as a shell function does is refused (CVE-2014-6271).
//
// # The path
//
// The path of an HTTP request is read as nginx, Apache and lighttpd do. It is split as it was
// sent; empty segments and dot segments are removed, and a path that leads above the root is a
// 400. Without SplitPath the backend is one application: SCRIPT_NAME is Mount, and PATH_INFO the
// rest, decoded. With SplitPath a script is looked for below Root, as [Scripts] says. A slash that
// the client encoded is then part of a name, and no file has such a name: before the end of the
// script's name it is a 404. PATH_INFO is what follows the script, decoded, and brought into the
// same form by itself. REQUEST_URI is as sent. CONNECT is a 405.
//
// What a web server sent over FastCGI or SCGI stays as it is, because that server has read the
// path by its own rules. With SplitPath, or a Mount, SCRIPT_NAME and PATH_INFO are taken as one
// path, which is split anew. Where neither was sent, DOCUMENT_URI or REQUEST_URI takes their
// place: see exchange.Complete.
//
// # The response
//
// The rules of gateway.ResponseWriter apply. gateway.Response.Final says what of a head reaches
// the client, and gateway.Forward what becomes of a body that is longer or shorter than it was
// declared. Besides:
//
//   - A response without Content-Type gets none; X-Content-Type-Options: nosniff keeps browsers
//     from guessing (CVE-2020-24553).
//   - A local redirect (RFC 3875 section 6.2.2) is a Location that is a path, without Status and
//     other fields. The Router answers it: the request is a GET, or a HEAD for a HEAD, without
//     body. The 11th in a row is a 502.
//   - X-Sendfile, X-Accel-Redirect and the other fields by which an application directs its web
//     server pass to that server where one is in front: over FastCGI, SCGI and CGI, and with
//     PassAccel over HTTP. Otherwise the Handler acts on them, as far as Offload and Buffer say,
//     and removes them; a line in the log names those that had no effect. X-CGI fields (section
//     6.3.5) are always removed.
//   - Interim responses (1xx) are dropped. gateway.ReadResponse names the other heads that are put
//     right.
//
// # Failures
//
// The status of a failure tells who is to blame, with a sentence that names the cause. Only the log
// has the details. After the first byte the response is broken, so that a client can see that it is
// not complete.
//
//   - The client: 400 for a body that breaks off or is malformed, 408 for one that is late, 413 for
//     one that is too large. A client that has left is sent nothing; Access has 499.
//   - The server: 500 for a Root that cannot be read, 503 where it lacks room, memory or file
//     descriptors, and when it is closed.
//   - The backend: 502, 503 where it is busy, 504 where it is too slow.
//
// A failure is logged once, at level Warn where the client is to blame, and not at all where it has
// left. What a backend writes to its error stream is logged line by line, with
// control characters escaped, and bounded.
//
// # Slow clients
//
// A backend that answers a few requests at a time, as php-fpm with its children does, must not
// wait for clients: for such a backend set Buffer. Without Buffer a backend gets the body as it
// comes and may answer meanwhile. It must then not wait for a client that waits for it: see
// gateway.Forward for how long the head of such a response is held.
type Handler struct {
	// Backend answers the requests. It must be set.
	Backend gateway.Backend

	// Mount is the path below which clients see the application, or Root: decoded, such as "/app",
	// and "/" for the root. It becomes SCRIPT_NAME, or its beginning, and it is compared with the
	// whole path, of which a server or another App may have cut off a part already. It matches
	// whole segments; a request for another path is answered 404.
	//
	// Where Mount is empty, the mount is SCRIPT_NAME as it is: that of a server with a Mount of its
	// own over HTTP, and what a web server sent otherwise.
	Mount string

	// Root is the folder of the site: DOCUMENT_ROOT. It must be an absolute path. SplitPath needs
	// it.
	Root string

	// Symlinks says which symbolic links are followed below Root and below the folders of Offload.
	// Zero is exchange.SymlinksOwner: those of root, and those that belong to the owner of what
	// they lead to. A link that is not followed is logged. Root and the folders themselves may be
	// links; they are followed again once a second.
	Symlinks exchange.Symlinks

	// ResolveRoot gives the backend the path of Root without symbolic links, as DOCUMENT_ROOT and
	// at the beginning of SCRIPT_FILENAME and PATH_TRANSLATED. Use it if Root is a link to a
	// release and PHP caches opcodes, by the names of files: it would run the last release's code
	// for the names of the next. It cannot be used with BackendRoot.
	ResolveRoot bool

	// BackendRoot is Root as the backend sees it, where that lives in a container or a chroot.
	// Empty means Root.
	BackendRoot string

	// SplitPath has the extensions of scripts, such as ".php": see [Scripts]. Empty means that the
	// backend is one application, to which every path below Mount belongs.
	SplitPath []string

	// Index has the names of files that answer for their folder, such as "index.php", in order of
	// preference.
	Index []string

	// Fallback is the script that answers for a path at which nothing is, such as "/index.php",
	// below Root: a front controller. Empty is a 404.
	Fallback string

	// Next answers where a path names a file below Root that is no script: an App for static files,
	// such as a [Files] of the same Root. It is asked for no script, and for no name that begins
	// with a dot except .well-known. Nil is a 404.
	Next gateway.App

	// Env is added to the variables of each request, "NAME=value" each. A variable that a client's
	// field made is replaced; one that says which request this is cannot be: see [Handler.Check].
	Env []string

	// PassAuthorization hands the client's Authorization field on, as HTTP_AUTHORIZATION: for an
	// application that checks it itself.
	PassAuthorization bool

	// Prepare, if not nil, may change the environ of a request before the backend gets it, of one
	// that follows a local redirect too: REMOTE_USER and AUTH_TYPE, say, from what an
	// authenticating handler has put into the context.
	Prepare func(r *gateway.Request)

	// Buffer keeps slow clients from occupying the backend, as nginx does by default: a request
	// body is complete before the backend is asked, and an answer is read ahead of a client that is
	// slow to take it. A client that keeps up gets each byte as soon as without it. What waits is
	// in memory, and then in temporary files, as Budget allows: without room a body of known length
	// is passed on as it comes, one of unknown length is answered 413 or 503, and an answer is read
	// ahead no further. Nothing is read ahead of an answer with X-Accel-Buffering: no. Without
	// Buffer the backend gets a body while it is being sent, and can answer meanwhile.
	Buffer bool

	// Budget bounds what waits in memory and in files, also without Buffer: a body of unknown
	// length waits unless StreamBody is set. Several Handlers may have the same Budget. Nil is one
	// of the Handler's own, with the default sizes.
	Budget *exchange.Budget

	// MaxBodyBytes bounds the request body, in bytes: a larger one is answered 413, by its declared
	// length before the client is asked to send it. Zero means 1 GiB with Buffer, and no bound
	// without it. Negative means no bound.
	MaxBodyBytes int64

	// StreamBody hands a body of unknown length to the backend as it comes, if the backend takes it
	// so: see [Spool.Stream]. Otherwise a [Spool] keeps it first; a Backend that is itself a Spool,
	// with other settings, needs StreamBody. It has no effect with Buffer.
	StreamBody bool

	// Timeout bounds the whole of a request, in time: 504 before the head of the response, a broken
	// response after it. With Buffer a body that is not complete by then is answered 408, and an
	// answer that was read ahead to its end is sent without a bound. Zero and negative mean no
	// bound, so that streams live on; a backend has bounds of its own on each wait.
	Timeout time.Duration

	// Router answers local redirects. Nil is the Handler itself, without the handlers around it:
	// where those check access, or choose between several, Router must be the outermost one, such
	// as httpapp.New(mux).
	Router gateway.App

	// Offload allows responses to name a file in X-Accel-Redirect or X-Sendfile, which is sent in
	// the place of their body. Its keys are paths as X-Accel-Redirect has them, such as
	// "/protected", its values the folders that they stand for. X-Sendfile has the file's own
	// absolute path, which must be in one of these folders. Names are bytes, of no encoding.
	// Symbolic links in a folder are followed as Symlinks says; ".." leads nowhere.
	//
	// The status stays that of the response; parts and conditions are answered under a 200 to a GET
	// only. The fields stay too, except those that describe the body which was not sent, such as
	// Content-Length, Content-Range and Content-Encoding. Of a 206 the part is sent that its
	// Content-Range names. A response without Content-Type gets one as from a [Files].
	//
	// Offload has no effect where a web server is in front: see PassAccel.
	Offload map[string]string

	// PassAccel passes X-Accel-Redirect, X-Accel-Buffering, X-Sendfile and their kind to the
	// client, which is a web server that acts on them, such as nginx with proxy_pass. Without it a
	// response over HTTP loses those that the Handler does not act on itself, and the log has a
	// line about it. What comes in over FastCGI, SCGI and CGI has a web server in front, to which
	// they are passed always.
	PassAccel bool

	// ErrorLog takes what the backend writes to its error stream, one record at level Warn for each
	// line, and why a request failed, at level Error, or Warn where the client is to blame. Nil is
	// the request's own error stream: standard error, or the web server's log over FastCGI.
	ErrorLog *slog.Logger

	// Access, if not nil, is called when a request is over, in its goroutine, and for one that a
	// Handler which is an http.Handler refuses.
	Access func(*gateway.Access)

	once    sync.Once
	front   *httpapp.AppHandler
	root    exchange.Root
	offload []*offloadFolder
	spool   *Spool
	faulty  error // what is wrong with the fields

	accelRemoved accept.Notice
}

// setUp is done at the first request: the fields are there by then.
func (h *Handler) setUp() {
	h.faulty = h.checkFields()
	h.root.Path, h.root.Symlinks = h.Root, h.Symlinks
	h.offload = h.offloadFolders()
	h.spool = &Spool{Backend: h.Backend, Buffer: h.Buffer, Budget: h.Budget, MaxBodyBytes: h.MaxBodyBytes, Stream: h.StreamBody}
	var refused func(*gateway.Refusal)
	if h.Access != nil {
		refused = gateway.WatchRefusals(h.Access)
	}
	h.front = &httpapp.AppHandler{App: h, ErrorLog: h.ErrorLog, MaxBodyBytes: h.spool.maxBody(), Refused: refused}
}

// ServeHTTP implements http.Handler. A response that breaks after its head ends in a panic with
// http.ErrAbortHandler, by which net/http breaks the connection.
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

// serve answers r and notes in a what a log wants to know.
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
	defer x.end()
	resp, err := x.follow(gateway.TrackBody(r))
	if err != nil {
		return x.refuse(w, err)
	}
	return x.respond(w, resp)
}
