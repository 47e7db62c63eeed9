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
// The handler gets the request that net/http's own server would have made from the client's. The
// child sides of net/http/cgi and net/http/fcgi have the same purpose. New differs from them in
// these points:
//
//   - URL comes from REQUEST_URI and has neither scheme nor host, unless the client sent the
//     absolute form; "*" and a CONNECT authority are understood, and RequestURI is set. Where
//     REQUEST_URI is missing or cannot be parsed, SCRIPT_NAME, PATH_INFO and QUERY_STRING are used.
//     They are also used for a server-side include, where REQUEST_URI is that of the including
//     page. A query that REQUEST_URI lacks (Tomcat) comes from QUERY_STRING.
//   - URL.Path is the whole path of the request: SCRIPT_NAME is not removed from it, whatever the
//     Mount of the server is. A mux at /app has patterns that begin with "/app/", or is called
//     without the prefix by top.Handle("/app/", http.StripPrefix("/app", mux)). In the second case,
//     its redirects must add the prefix.
//   - Host is SERVER_NAME and SERVER_PORT if HTTP_HOST is absent. A malformed HTTP_HOST is answered
//     400.
//   - TLS is not nil for https, whichever variable of the web server shows it. Only its
//     HandshakeComplete is set.
//   - RemoteAddr is a host and a port, or what the web server sent in place of an address, such as
//     nginx's "unix:".
//   - Header has each field once. HTTP_PROXY does not become a field (httpoxy). If a variable was
//     sent twice, the last one counts.
//   - ContentLength is -1 if the length is unknown. That includes a POST without CONTENT_LENGTH,
//     whose body may be empty. GET, HEAD, OPTIONS and TRACE without CONTENT_LENGTH have no body. A
//     body that ends early fails with io.ErrUnexpectedEOF, one above the server's limit with an
//     *http.MaxBytesError. Reading after the handler returned fails.
//   - The context ends when the web server aborts the request or closes the connection, if the
//     transport can see that.
//
// The ResponseWriter is an http.Flusher, an io.ReaderFrom that lets http.ServeContent send files by
// sendfile(2), and an io.StringWriter. As in net/http, a missing Content-Type is sniffed, a second
// WriteHeader is ignored with a line on the error stream, and http.ErrAbortHandler breaks the
// response. Dropped are the field Status, fields whose names are not valid tokens, and what CGI
// cannot carry: 1xx responses, trailers and hop-by-hop fields. A control character in a value
// becomes a space. Fields are sent sorted by name. The web server adds the Date.
//
// The head is committed with the first 4 KiB of body or by a Flush, not by WriteHeader. After a
// panic of h the gateway sends an error page, or breaks the response if the head was committed. A
// request that net/http would refuse, for its Host or its length, is refused with a
// [*gateway.RequestError], which is a 400.
//
// http.ResponseController supports Flush and EnableFullDuplex. The second does nothing: a handler
// may read and write at the same time if the transport allows it. CGI does not, since the body is
// read before the first output. nginx, too, sends no more of the body once a response begins.
// Hijack and deadlines return http.ErrNotSupported, since the transport's server sets the
// deadlines.
func New(h http.Handler) gateway.App { return app{h} }

// Environ returns the meta-variables of the request that r was made from. It returns nil, which can
// be used as an empty Environ, for a request that did not come through [New].
func Environ(r *http.Request) *util.Environ {
	if request := Request(r); request != nil {
		return request.Environ
	}
	return nil
}

// Request returns the gateway's request that r was made from. It has what http.Request cannot hold,
// such as the error stream. Request returns nil for a request that did not come through [New].
// Stdin of the result and r.Body are the same stream: only one of them should be read.
func Request(r *http.Request) *gateway.Request {
	request, _ := r.Context().Value(requestKey{}).(*gateway.Request)
	return request
}

type app struct{ handler http.Handler }

// handling has what one request needs besides the http.Request, in one allocation. It is not
// pooled, since the handler may keep references to its parts.
type handling struct {
	ctx      requestContext
	body     body
	response responseWriter
}

// ServeGateway implements gateway.App. It does not recover from a panic of the handler and panic
// again, which would lose the handler from the stack.
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

// requestContext adds the gateway's request to its context. context.WithValue would be one more
// allocation.
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
