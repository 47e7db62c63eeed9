package fastcgi

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/headers"
)

// Role is the role that the web server asks an application to play (FastCGI section 6).
type Role = wire.Role

// The roles of FastCGI 1.0.
const (
	RoleResponder  = wire.RoleResponder
	RoleAuthorizer = wire.RoleAuthorizer
	RoleFilter     = wire.RoleFilter
)

// Authorizer decides whether a web server allows a request (FastCGI section 6.3). lighttpd calls
// one for a fastcgi.server with the mode "authorizer".
type Authorizer interface {
	// Authorize decides about r, which has an environ and no body. An error or a panic refuses the
	// request with the error page, as for an App. It may be called concurrently.
	Authorize(r *gateway.Request) (Decision, error)
}

// AuthorizerFunc lets a function be an [Authorizer].
type AuthorizerFunc func(r *gateway.Request) (Decision, error)

// Authorize calls f(r).
func (f AuthorizerFunc) Authorize(r *gateway.Request) (Decision, error) { return f(r) }

// Decision is the decision of an [Authorizer]. The zero value refuses the request with 403
// Forbidden.
type Decision struct {
	allowed   bool
	variables []headers.Field
	denial    gateway.App
}

// Allow allows a request. The web server passes the variables to the application that answers the
// request, as meta-variables of the same names. They are sent as Variable-NAME fields (FastCGI
// section 6.3).
func Allow(variables ...headers.Field) Decision {
	return Decision{allowed: true, variables: variables}
}

// Deny refuses a request with the response of app, such as a 401 with WWW-Authenticate or a
// redirect. The status must not be 200, which would allow the request: the error page replaces such
// a response.
func Deny(app gateway.App) Decision { return Decision{denial: app} }

// authorizerApp makes an Authorizer an App.
type authorizerApp struct{ authorizer Authorizer }

// ServeGateway implements gateway.App.
func (a authorizerApp) ServeGateway(w gateway.ResponseWriter, r *gateway.Request) error {
	d, err := a.authorizer.Authorize(r)
	switch {
	case err != nil:
		return err
	case d.allowed:
		return allow(w, d.variables)
	case d.denial == nil:
		return w.Start("403 Forbidden")
	}
	if err := w.Start("403 Forbidden"); err != nil {
		return err
	}
	return d.denial.ServeGateway(denialWriter{w}, r)
}

func allow(w gateway.ResponseWriter, variables []headers.Field) error {
	for _, v := range variables {
		if err := w.Headers().Add("Variable-"+v.Name, v.Value); err != nil {
			return err
		}
	}
	return w.Start("200 OK")
}

// denialWriter rejects the status 200, which would turn a refusal into a permission.
type denialWriter struct{ gateway.ResponseWriter }

// Start implements gateway.ResponseWriter.
func (w denialWriter) Start(status string) error {
	if len(status) >= 3 && status[:3] == "200" {
		return fmt.Errorf("fastcgi: a refusal with the status %.64q would allow the request", status)
	}
	return w.ResponseWriter.Start(status)
}

// Filter answers requests for a file that the web server sends with the request (FastCGI section
// 6.4).
type Filter interface {
	// ServeFilter reads data, the content of the file, and answers r. r.Stdin is sent before data,
	// but need not be read. Otherwise the rules for an App apply.
	ServeFilter(w gateway.ResponseWriter, r *gateway.Request, data *Data) error
}

// FilterFunc lets a function be a [Filter].
type FilterFunc func(w gateway.ResponseWriter, r *gateway.Request, data *Data) error

// ServeFilter calls f(w, r, data).
func (f FilterFunc) ServeFilter(w gateway.ResponseWriter, r *gateway.Request, data *Data) error {
	return f(w, r, data)
}

// Data is the file of a request to a [Filter].
type Data struct {
	// Reader returns Length bytes and then io.EOF. If fewer arrive, it returns io.ErrUnexpectedEOF.
	// It fails after the Filter has returned.
	io.Reader

	Length       int64     // in bytes, from FCGI_DATA_LENGTH
	LastModified time.Time // from FCGI_DATA_LAST_MOD; zero if that is not set
}

// filterApp makes a Filter the App of one request.
type filterApp struct {
	filter Filter
	data   *body
}

// ServeGateway implements gateway.App.
func (a *filterApp) ServeGateway(w gateway.ResponseWriter, r *gateway.Request) error {
	length, err := decimal(r, "FCGI_DATA_LENGTH")
	if err != nil {
		return err
	}
	data := &Data{Reader: &exactReader{a.data, length}, Length: length}
	if r.Environ.Get("FCGI_DATA_LAST_MOD") != "" {
		seconds, err := decimal(r, "FCGI_DATA_LAST_MOD")
		if err != nil {
			return err
		}
		data.LastModified = time.Unix(seconds, 0)
	}
	return a.filter.ServeFilter(w, r, data)
}

// decimal returns the value of a variable that must be a decimal number.
func decimal(r *gateway.Request, name string) (int64, error) {
	value := r.Environ.Get(name)
	n, err := strconv.ParseUint(value, 10, 63)
	if err != nil {
		return 0, &gateway.RequestError{Reason: "malformed " + name, Input: value[:min(len(value), 64)]}
	}
	return int64(n), nil
}

// exactReader ends a stream at its declared length, and fails if the stream is shorter.
type exactReader struct {
	r    io.Reader
	left int64
}

// Read implements io.Reader.
func (e *exactReader) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.r.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	switch {
	case e.left == 0:
		err = io.EOF
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
