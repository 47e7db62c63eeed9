package gateway_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

func TestWatch(t *testing.T) {
	failure := errors.New("failure")
	for _, test := range []struct {
		name   string
		method string
		app    gateway.AppFunc
		status int
		bytes  int64
		err    string // part of it, "" for none
	}{
		{"plain", "GET", func(w gateway.ResponseWriter, r *gateway.Request) error {
			_, err := io.WriteString(w, "hello")
			return err
		}, 200, 5, ""},
		{"status and copy", "GET", func(w gateway.ResponseWriter, r *gateway.Request) error {
			w.Start("404 Not Found")
			_, err := io.Copy(w, strings.NewReader("nothing here"))
			return err
		}, 404, 12, ""},
		{"HEAD", "HEAD", func(w gateway.ResponseWriter, r *gateway.Request) error {
			_, err := io.WriteString(w, "hello")
			return err
		}, 200, 0, ""},
		{"error", "GET", func(gateway.ResponseWriter, *gateway.Request) error { return failure }, 500, 67, "failure"},
		{"panic", "GET", func(gateway.ResponseWriter, *gateway.Request) error { panic("on purpose") }, 500, 67, "panicked"},
		{"late panic", "GET", func(w gateway.ResponseWriter, r *gateway.Request) error {
			io.WriteString(w, "begun")
			w.Flush()
			panic("on purpose")
		}, 200, 5, "panicked"},
	} {
		t.Run(test.name, func(t *testing.T) {
			seen := make(chan gateway.Access, 1)
			app := gateway.Watch(test.app, func(a *gateway.Access) { seen <- *a })
			s := httptest.NewServer(&httpapp.AppHandler{App: app, ErrorLog: slog.New(slog.DiscardHandler)})
			defer s.Close()
			r, err := http.NewRequest(test.method, s.URL+"/x", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := s.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			a := <-seen
			if a.Status != test.status || a.Status != resp.StatusCode {
				t.Errorf("got status %d, and the client %d; want %d", a.Status, resp.StatusCode, test.status)
			}
			if a.Bytes != test.bytes || a.Bytes != int64(len(body)) {
				t.Errorf("got %d bytes, and the client %d; want %d", a.Bytes, len(body), test.bytes)
			}
			if text := errorText(a.Err); (text == "") != (test.err == "") || !strings.Contains(text, test.err) {
				t.Errorf("got error %q; want %q", text, test.err)
			}
			if a.Request.Environ.Get("PATH_INFO") != "/x" || time.Since(a.Start) < a.Duration || a.Duration <= 0 {
				t.Errorf("got %+v", a)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
