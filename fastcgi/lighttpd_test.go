package fastcgi_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/headers"
)

// TestLighttpdAuthorizer: lighttpd asks a server whether a request may pass, and the same server
// for the response (F30).
func TestLighttpdAuthorizer(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			srv := startPeer(t, network, &fastcgi.Server{
				App:        gateway.AppFunc(welcome),
				Authorizer: fastcgi.AuthorizerFunc(authorize),
			})
			s := webserver.Start(t, webserver.Config{Template: "lighttpd-fastcgi-authorizer", Mount: "/app", Backend: srv.addr})
			for _, test := range []struct {
				path, user string
				status     int
				challenge  string
				body       string
			}{
				{path: "/a", user: "eve", status: 200, body: `GET "/a" for eve of "the \"staff\"", body ""`},
				{path: "/post", user: "eve", status: 200, body: `POST "/post" for eve of "the \"staff\"", body "sent"`},
				{path: "/a", status: 401, challenge: `Basic realm="r"`, body: "who are you?"},
				{path: "/a", user: "mallory", status: 403},
				{path: "/a", user: "fails", status: 500, body: errorPage},
				{path: "/a", user: "liar", status: 500, body: errorPage},
			} {
				resp, body := askAs(t, s.URL+test.path, test.user)
				if resp.StatusCode != test.status || resp.Header.Get("WWW-Authenticate") != test.challenge {
					t.Errorf("%s for %q: got %s with challenge %q; want %d with %q",
						test.path, test.user, resp.Status, resp.Header.Get("WWW-Authenticate"), test.status, test.challenge)
				}
				if test.body != "" && body != test.body { // a 403 without a body gets lighttpd's
					t.Errorf("%s for %q: got body %q; want %q", test.path, test.user, body, test.body)
				}
				if leaked := resp.Header.Get("Variable-AUTH_GROUP"); leaked != "" {
					t.Errorf("%s for %q: the client got the variable %q", test.path, test.user, leaked)
				}
			}
		})
	}
}

const errorPage = "The server met an internal error and could not answer the request.\n"

// authorize lets eve pass, and tells the application of her.
func authorize(r *gateway.Request) (fastcgi.Decision, error) {
	switch r.Environ.Get("HTTP_X_USER") {
	case "eve":
		return fastcgi.Allow(
			headers.Field{Name: "REMOTE_USER", Value: "eve"},
			headers.Field{Name: "AUTH_GROUP", Value: `the "staff"`},
		), nil
	case "":
		return fastcgi.Deny(gateway.AppFunc(challenge)), nil
	case "fails":
		return fastcgi.Decision{}, errors.New("no directory")
	case "liar": // says no, and means yes
		return fastcgi.Deny(gateway.AppFunc(func(w gateway.ResponseWriter, _ *gateway.Request) error { return w.Start("200 OK") })), nil
	}
	return fastcgi.Decision{}, nil
}

func challenge(w gateway.ResponseWriter, _ *gateway.Request) error {
	w.Headers().Set("WWW-Authenticate", `Basic realm="r"`)
	if err := w.Start("401 Unauthorized"); err != nil {
		return err
	}
	_, err := io.WriteString(w, "who are you?")
	return err
}

func welcome(w gateway.ResponseWriter, r *gateway.Request) error {
	body, err := io.ReadAll(r.Stdin)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s %q for %s of %q, body %q", r.Environ.Get("REQUEST_METHOD"), r.Environ.Get("PATH_INFO"),
		r.Environ.Get("REMOTE_USER"), r.Environ.Get("AUTH_GROUP"), body)
	return err
}

// askAs sends a GET, or to a path that ends with /post a POST.
func askAs(t *testing.T, url, user string) (*http.Response, string) {
	t.Helper()
	method, body := "GET", ""
	if strings.HasSuffix(url, "/post") {
		method, body = "POST", "sent"
	}
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if user != "" {
		req.Header.Set("X-User", user)
	}
	resp, err := peerClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(got)
}
