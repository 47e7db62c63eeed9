package gateway

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cgikit/cgikit/headers"
	"github.com/cgikit/cgikit/util"
)

// WithFields returns an App that answers with app, and sets fields in all responses, each given as
// "Name: value". They replace the fields of their names that app sets. As with "always" of nginx's
// add_header, also an error page has them, such as a 502, and the answer to a request that a server
// refuses without its App.
//
// The App must be the one that a server or [BaseCGIHandler.Run] gets, alone or with [Identify]
// around it or in it. Inside another App, error pages do not have the fields, and app may set
// others.
//
// The error is that of a field with characters that are not allowed, or of one that describes a
// single response or connection: Status, Content-Length, or a hop-by-hop field such as Connection.
func WithFields(app App, fields ...string) (App, error) {
	a := &fielded{app: app}
	for _, text := range fields {
		f, err := parseField(text)
		if err != nil {
			return nil, err
		}
		a.fields = append(a.fields, f)
	}
	return a, nil
}

func parseField(text string) (headers.Field, error) {
	name, value, ok := strings.Cut(text, ":")
	f := headers.Field{Name: name, Value: strings.Trim(value, " \t")}
	if !ok {
		return f, fmt.Errorf("%.64q is not \"Name: value\"", text)
	}
	if err := new(headers.Headers).Add(f.Name, f.Value); err != nil {
		return f, err
	}
	if slices.Contains([]string{"status", "content-length"}, strings.ToLower(name)) || util.IsHopByHop(name) {
		return f, fmt.Errorf("%.64q describes one response and cannot be set for all", name)
	}
	return f, nil
}

type fielded struct {
	app    App
	fields []headers.Field
}

// ServeGateway implements App. Run sets the fields when it commits the head, unless another App
// wraps this one.
func (a *fielded) ServeGateway(w ResponseWriter, r *Request) error {
	if own, ok := w.(*response); !ok || own.own == nil {
		setFields(w.Headers(), a.fields)
	}
	return a.app.ServeGateway(w, r)
}

// setFields replaces the fields of the same names. A name may be there several times.
func setFields(h *headers.Headers, fields []headers.Field) {
	for _, f := range fields {
		h.Del(f.Name)
	}
	for _, f := range fields {
		_ = h.Add(f.Name, f.Value) // WithFields has checked it
	}
}

// outer is what [Identify], [WithFields] and [Refuse] around an App ask of the server.
type outer struct {
	identified bool
	fields     []headers.Field
	refusal    error
}

func outerOf(app App) (o outer) {
	for {
		switch a := app.(type) {
		case identified:
			o.identified, app = true, a.app
		case *fielded:
			if app = a.app; o.fields == nil {
				o.fields = a.fields
			} else {
				o.fields = slices.Concat(a.fields, o.fields)
			}
		case refusalApp:
			o.refusal, app = a.err, a.app
		default:
			return o
		}
	}
}

// SetOwnFields sets in h the fields that [Identify] and [WithFields] set in all responses. It is
// for a server that answers a request itself, in place of app and without [BaseCGIHandler.Run].
// With Identify, r gets its id.
func SetOwnFields(h *headers.Headers, app App, r *Request) {
	o := outerOf(app)
	setFields(h, o.fields)
	if o.identified {
		r.identify()
		_ = h.Set(requestIDField, r.id) // an id is a valid value
	}
}
