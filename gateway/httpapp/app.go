package httpapp

import (
	"context"
	"net/http"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// New returns an App that answers with h. Calls of the App may overlap if h allows that, as every
// handler of an http.Server does.
//
// The handler gets the request that net/http's own server would have made of what the client sent.
// net/http/cgi and net/http/fcgi, whose child sides do the same job, differ in these points:
//
//   - URL comes from REQUEST_URI and has neither scheme nor host, unless the client sent the
//     absolute form; "*" and a CONNECT authority are understood, and RequestURI is set. Where
//     REQUEST_URI is missing or cannot be parsed, SCRIPT_NAME, PATH_INFO and QUERY_STRING take its
//     place. They are also used for a server-side include, where REQUEST_URI is that of the
//     including page. A query that REQUEST_URI lacks (Tomcat) comes from QUERY_STRING.
//   - URL.Path is the whole path that the client asked for: SCRIPT_NAME is not removed from it,
//     whatever a server's Mount says. A mux that is mounted at /app has patterns that begin with
//     "/app/", or is called by one that has: top.Handle("/app/", http.StripPrefix("/app", mux)).
//     Its own redirects must then name the mount.
//   - Host is SERVER_NAME and SERVER_PORT where HTTP_HOST is absent. A malformed HTTP_HOST is
//     answered 400.
//   - TLS is not nil for https, however the web server says it. Only its HandshakeComplete is set.
//   - RemoteAddr is a host and a port, or what the web server sent in place of an address, such as
//     nginx's "unix:".
//   - Header has each field once. HTTP_PROXY does not become a field (httpoxy), and where a
//     variable was sent twice the last one counts.
//   - ContentLength is -1 where the length is unknown: also for a POST without CONTENT_LENGTH,
//     whose body may turn out empty. GET, HEAD, OPTIONS and TRACE have no body then. A body that
//     ends early is io.ErrUnexpectedEOF, one that is over the server's limit an
//     *http.MaxBytesError. Reading after the handler returned fails.
//   - The context ends when the web server aborts the request or goes away, if the transport can
//     see that.
//
// The ResponseWriter is an http.Flusher, an io.ReaderFrom that lets http.ServeContent send files by
// sendfile(2), and an io.StringWriter. As in net/http, a missing Content-Type is sniffed, a second
// WriteHeader is ignored with a line on the error stream, and http.ErrAbortHandler breaks the
// response. Dropped are a field Status, names that are not valid tokens, and what CGI has no form
// for: 1xx responses, trailers and hop-by-hop fields. A control character in a value becomes a
// space. Fields are sent sorted by name. The web server adds the Date.
//
// The status is committed with the first 4 KiB of body, or a Flush, not by WriteHeader. After a
// panic of h the gateway sends an error page, or breaks the response when the head was committed.
// A request that net/http would refuse, for its Host or its length, is refused with a
// [*gateway.RequestError], which is a 400.
//
// http.ResponseController supports Flush and EnableFullDuplex. The second does nothing: a handler
// may read and write at the same time as far as the transport allows it. CGI does not allow it,
// since the body is read before the first output; nginx, too, sends no more of the body once a
// response begins. Hijack and deadlines return http.ErrNotSupported: deadlines belong to the
// transport's server.
func New(h http.Handler) gateway.App { return app{h} }

// Environ returns the meta-variables of the request that r was made from. It is nil, which reads as
// empty, for a request that did not come through [New].
func Environ(r *http.Request) *util.Environ {
	if request := Request(r); request != nil {
		return request.Environ
	}
	return nil
}

// Request returns the gateway's request that r was made from, for its error stream and whatever
// else http.Request has no place for. It is nil for a request that did not come through [New]. Its
// Stdin is r.Body: only one of them should be read.
func Request(r *http.Request) *gateway.Request {
	request, _ := r.Context().Value(requestKey{}).(*gateway.Request)
	return request
}

type app struct{ handler http.Handler }

// handling is what one request needs besides the http.Request, in one allocation. The handler may
// hold on to parts of it, so it is not pooled.
type handling struct {
	ctx      requestContext
	body     body
	response responseWriter
}

// ServeGateway implements gateway.App. A panic goes on to the gateway from here: its stack then
// still has the handler on it.
func (a app) ServeGateway(w gateway.ResponseWriter, r *gateway.Request) (err error) {
	x := &handling{
		ctx:      requestContext{Context: r.Context(), request: r},
		body:     body{stdin: r.Stdin},
		response: responseWriter{out: w, request: r},
	}
	request, err := x.newRequest(r)
	if err != nil {
		return err
	}
	defer func() {
		if v := recover(); v == http.ErrAbortHandler {
			err = gateway.ErrAbort
		} else if v != nil {
			panic(v)
		}
	}()
	a.handler.ServeHTTP(&x.response, request)
	x.response.finish()
	return nil
}

type requestKey struct{}

// requestContext adds the gateway's request to its context. It is no context.WithValue because that
// is an allocation more.
type requestContext struct {
	context.Context
	request *gateway.Request
}

func (c *requestContext) Value(key any) any {
	if key == (requestKey{}) {
		return c.request
	}
	return c.Context.Value(key)
}
