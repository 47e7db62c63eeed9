package request

import (
	"cmp"
	"context"

	"github.com/cgikit/cgikit/headers"
)

// message is a request as it is sent: with variables to a gateway, with fields to an HTTP server.
type message struct {
	request  *Request
	method   string
	location location
	fields   []headers.Field
	environ  variables
	body     *body // nil for none
}

// newMessage makes what is sent. The caller closes its body.
func (r *Request) newMessage(ctx context.Context) (*message, error) {
	m := &message{request: r}
	body, query, err := r.newBody(ctx)
	if err != nil {
		return nil, err
	}
	m.body = body
	if err := m.describe(query); err != nil {
		body.close()
		return nil, err
	}
	return m, nil
}

// describe fills in what the request says beside its body.
func (m *message) describe(query string) (err error) {
	r, contentType := m.request, ""
	if m.body != nil {
		contentType = m.body.contentType
	}
	if m.fields, err = r.fields(contentType); err != nil {
		return err
	}
	if m.location, err = r.locate(query); err != nil {
		return err
	}
	m.method = cmp.Or(r.Method, map[bool]string{true: "POST"}[m.body != nil], "GET")
	if r.HeadOnly {
		m.method = cmp.Or(r.Method, "HEAD")
	}
	if r.Target.Protocol == "http" {
		return nil
	}
	if m.environ = m.plainEnviron(m.location); r.As != "" {
		if m.environ, err = m.serverEnviron(m.location); err != nil {
			return err
		}
	}
	return r.applyFlags(&m.environ)
}
