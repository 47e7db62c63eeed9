package gateway_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// withFields fails the test if the fields are refused.
func withFields(t *testing.T, app gateway.App, fields ...string) gateway.App {
	t.Helper()
	app, err := gateway.WithFields(app, fields...)
	if err != nil {
		t.Fatal(err)
	}
	return app
}

// TestWithFields: each response has the fields in place of those of the same names, whatever makes
// it.
func TestWithFields(t *testing.T) {
	ok := func(w gateway.ResponseWriter, _ *gateway.Request) error {
		w.Headers().Add("X-Frame-Options", "SAMEORIGIN")
		_, err := io.WriteString(w, "ok")
		return err
	}
	for _, c := range []struct {
		name   string
		app    gateway.AppFunc
		more   []string
		status string
	}{
		{"body", ok, nil, "200"},
		{"long body", func(w gateway.ResponseWriter, r *gateway.Request) error {
			_, err := w.Write(make([]byte, 100_000))
			return errors.Join(ok(w, r), err)
		}, nil, "200"},
		{"flush", func(w gateway.ResponseWriter, r *gateway.Request) error { return errors.Join(w.Flush(), ok(w, r)) }, nil, "200"},
		{"no body", func(w gateway.ResponseWriter, _ *gateway.Request) error { return w.Start("304 Not Modified") }, nil, "304"},
		{"nothing", func(gateway.ResponseWriter, *gateway.Request) error { return nil }, nil, "200"},
		{"HEAD", ok, []string{"REQUEST_METHOD=HEAD"}, "200"},
		{"error", func(gateway.ResponseWriter, *gateway.Request) error { return errors.New("it failed") }, nil, "500"},
		{"failed backend", func(gateway.ResponseWriter, *gateway.Request) error {
			return &gateway.BackendError{Err: errors.New("no answer")}
		}, nil, "502"},
		{"panic", func(gateway.ResponseWriter, *gateway.Request) error { panic("it failed") }, nil, "500"},
		{"malformed field", func(w gateway.ResponseWriter, r *gateway.Request) error {
			w.Headers().Add("Content-Length", "x")
			return ok(w, r)
		}, nil, "500"},
		{"refused", ok, []string{"CONTENT_LENGTH=x"}, "400"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fielded := withFields(t, c.app, "X-Frame-Options: DENY", "Link: </a>", "link:\t</b>")
			for name, app := range map[string]gateway.App{
				"alone":           fielded,
				"within Identify": gateway.Identify(fielded),
				"around Identify": withFields(t, gateway.Identify(c.app), "X-Frame-Options: DENY", "Link: </a>", "link:\t</b>"),
				"twice":           withFields(t, withFields(t, c.app, "X-Frame-Options: DENY"), "Link: </a>", "link:\t</b>"),
			} {
				got, _ := runIdentified(t, "the-id", app, c.more...)
				wantOwn(t, name, got, c.status, name == "within Identify" || name == "around Identify")
			}
		})
	}
}

// wantOwn checks the fields of a response.
func wantOwn(t *testing.T, name, response, status string, identified bool) {
	t.Helper()
	head, _, _ := strings.Cut(response, "\r\n\r\n")
	for want, times := range map[string]int{"\r\nX-Frame-Options: ": 1, "\r\nX-Frame-Options: DENY": 1, "\r\nLink: </a>": 1, "\r\nlink: </b>": 1} {
		if got := strings.Count("\r\n"+head, want); got != times {
			t.Errorf("%s: %q is %d times in %.500q; want it %d times", name, want, got, head, times)
		}
	}
	if !strings.Contains("\r\n"+head, "\r\nStatus: "+status) && status != "200" {
		t.Errorf("%s: got %.500q; want status %s", name, head, status)
	}
	if has := strings.Contains(head, "X-Request-ID: the-id"); has != identified {
		t.Errorf("%s: got an id: %t in %.500q; want %t", name, has, head, identified)
	}
}

// TestRefuseInPlaceOf: when a transport refuses a request in place of an App, the response has the
// fields that all responses of the App have.
func TestRefuseInPlaceOf(t *testing.T) {
	app := gateway.Identify(withFields(t, showID, "X-Frame-Options: DENY", "Link: </a>", "link: </b>"))
	var ids []string
	var out bytes.Buffer
	h := gateway.BaseCGIHandler{
		Environ: util.EnvironFromList([]string{"REQUEST_METHOD=GET", "HTTP_X_REQUEST_ID=the-id"}), Stdout: &out, Stderr: io.Discard,
		Refused: func(f *gateway.Refusal) { ids = append(ids, fmt.Sprint(f.Status, f.Request.ID())) },
	}
	if err := h.Run(t.Context(), gateway.Refuse(app, gateway.ErrLengthRequired)); err != nil {
		t.Fatal(err)
	}
	wantOwn(t, "refused", out.String(), "411", true)
	if len(ids) != 1 || ids[0] != "411the-id" {
		t.Errorf("Refused got %q; want 411 with the id", ids)
	}
}

// TestWithFieldsInside: inside another App, the responses of the App still have the fields.
func TestWithFieldsInside(t *testing.T) {
	inner := withFields(t, gateway.AppFunc(func(gateway.ResponseWriter, *gateway.Request) error { return nil }), "X-Own: 1")
	outer := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		return inner.ServeGateway(struct{ gateway.ResponseWriter }{w}, r)
	})
	if got, _ := runIdentified(t, "", outer); !strings.Contains(got, "X-Own: 1\r\n") {
		t.Errorf("got %.500q; want the field", got)
	}
}

func TestWithFieldsRefused(t *testing.T) {
	for _, field := range []string{"A", "A b: c", "A: b\r\nC: d", "Content-Length: 1", "status: 200", "connection: close", ": b"} {
		if app, err := gateway.WithFields(showID, "X-Good: 1", field); err == nil || app != nil {
			t.Errorf("%q: got %v, %v; want only an error", field, app, err)
		}
	}
}
