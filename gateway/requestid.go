package gateway

import (
	"fmt"
	"math/rand/v2"
)

// Identify returns an App that gives each request an id, and answers with app. The logs of all
// programs that handle a request can have its id.
//
// The id is the field X-Request-ID of the request (HTTP_X_REQUEST_ID) if that has 1 to 128 letters,
// digits and bytes of "-._~+/=:". Otherwise it is 128 random bits as 32 hexadecimal digits. It
// becomes HTTP_X_REQUEST_ID, the field X-Request-ID of the response, which also an error page has,
// and [Request.ID]. The servers of this module log it.
//
// The App must be the one that a server or [BaseCGIHandler.Run] gets. Inside another App, an error
// page does not have the field. httpapp.AppHandler.DropRequestID removes the ids that clients
// choose.
func Identify(app App) App { return identified{app} }

type identified struct{ app App }

// ServeGateway implements App. Run has identified the request, unless another App wraps this one.
func (a identified) ServeGateway(w ResponseWriter, r *Request) error {
	if r.id == "" {
		r.identify()
		w.Headers().Set(requestIDField, r.id)
	}
	return a.app.ServeGateway(w, r)
}

// ID returns the id that [Identify] has given r, and "" without Identify.
func (r *Request) ID() string { return r.id }

const (
	requestIDField    = "X-Request-ID"
	requestIDVariable = "HTTP_X_REQUEST_ID"
)

func (r *Request) identify() {
	r.id = r.Environ.Get(requestIDVariable)
	if !isRequestID(r.id) {
		// not crypto/rand, whose initialisation would make every CGI process slower: this generator
		// gets its seed from the system, and an id is not a secret
		r.id = fmt.Sprintf("%016x%016x", rand.Uint64(), rand.Uint64())
	}
	r.Environ.Set(requestIDVariable, r.id)
}

// isRequestID reports whether s can be an id. It cannot end a line or a field of a log.
func isRequestID(s string) bool {
	const most = 128
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= c && c <= '9', 'a' <= c|0x20 && c|0x20 <= 'z':
		case c == '-', c == '.', c == '_', c == '~', c == '+', c == '/', c == '=', c == ':':
		default:
			return false
		}
	}
	return s != "" && len(s) <= most
}
