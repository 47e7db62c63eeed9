package httpapp_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/util"
)

// New makes any http.Handler an App. A transport, such as cgi.Serve, would decode the request. This
// example sets its variables itself.
func ExampleNew() {
	app := httpapp.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s from %s", r.Method, r.URL.Path, r.RemoteAddr)
	}))
	run := gateway.BaseCGIHandler{
		Environ: util.EnvironFromMap(map[string]string{
			"REQUEST_METHOD": "GET", "REQUEST_URI": "/hello", "REMOTE_ADDR": "192.0.2.1", "REMOTE_PORT": "1234",
		}),
		Stdout: crlf{os.Stdout},
	}
	if err := run.Run(context.Background(), app); err != nil {
		fmt.Println(err)
	}
	// Output:
	// Status: 200 OK
	// Content-Type: text/plain; charset=utf-8
	// Content-Length: 30
	//
	// GET /hello from 192.0.2.1:1234
}

// crlf writes a response with its line ends as newlines.
type crlf struct{ w io.Writer }

func (c crlf) Write(p []byte) (int, error) {
	_, err := io.WriteString(c.w, strings.ReplaceAll(string(p), "\r\n", "\n"))
	return len(p), err
}

// Handler serves an App over HTTP.
func ExampleHandler() {
	app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Add("Content-Type", "text/plain")
		_, err := fmt.Fprintf(w, "%s %q", r.Environ.Get("REQUEST_METHOD"), r.Environ.Get("PATH_INFO"))
		return err
	})
	w := httptest.NewRecorder()
	httpapp.Handler(app).ServeHTTP(w, httptest.NewRequest("GET", "/a%20b//c", nil))
	fmt.Println(w.Code, w.Body)
	// Output: 200 GET "/a b//c"
}

// An App below a prefix gets the prefix as SCRIPT_NAME, and so can make links to itself.
func ExampleAppHandler() {
	h := &httpapp.AppHandler{
		Mount: "/wiki",
		App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			_, err := fmt.Fprintf(w, "%s is at %s", r.Environ.Get("PATH_INFO"), util.ApplicationURI(r.Environ))
			return err
		}),
	}
	for _, path := range []string{"/wiki/Go", "/wikipedia"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "http://www.example"+path, nil))
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// 200 /Go is at http://www.example/wiki
	// 404 404 page not found
}

// Environ has the variables that http.Request cannot hold. This handler uses its path below the
// mount, and the user that the web server has authenticated.
func ExampleEnviron() {
	app := httpapp.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		environ := httpapp.Environ(r)
		http.StripPrefix(environ.Get("SCRIPT_NAME"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Println(environ.Get("REMOTE_USER"), "asked for", r.URL.Path)
		})).ServeHTTP(w, r)
	}))
	run := gateway.BaseCGIHandler{
		Environ: util.EnvironFromMap(map[string]string{
			"SCRIPT_NAME": "/app", "PATH_INFO": "/list", "REQUEST_URI": "/app/list", "REMOTE_USER": "joe",
		}),
		Stdout: io.Discard,
	}
	if err := run.Run(context.Background(), app); err != nil {
		fmt.Println(err)
	}
	// Output: joe asked for /list
}

// The error stream leads to the web server's error log, if the protocol carries it.
func ExampleRequest() {
	app := httpapp.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(httpapp.Request(r).Stderr, "disk almost full")
	}))
	run := gateway.BaseCGIHandler{Environ: util.NewEnviron(), Stdout: io.Discard, Stderr: os.Stdout}
	if err := run.Run(context.Background(), app); err != nil {
		fmt.Println(err)
	}
	// Output: disk almost full
}

func ExampleMetaVariables() {
	r := httptest.NewRequest("GET", "/app/a%2Fb?c=d", nil)
	environ, err := httpapp.MetaVariables(r, "/app")
	if err != nil {
		fmt.Println(err)
		return
	}
	for name, value := range environ.All() {
		fmt.Printf("%s=%s\n", name, value)
	}
	// Output:
	// GATEWAY_INTERFACE=CGI/1.1
	// SERVER_SOFTWARE=cgikit
	// SERVER_PROTOCOL=HTTP/1.1
	// REQUEST_METHOD=GET
	// REQUEST_URI=/app/a%2Fb?c=d
	// SCRIPT_NAME=/app
	// PATH_INFO=/a/b
	// QUERY_STRING=c=d
	// REQUEST_SCHEME=http
	// SERVER_NAME=example.com
	// SERVER_PORT=80
	// REMOTE_ADDR=192.0.2.1
	// REMOTE_PORT=1234
	// HTTP_HOST=example.com
}

// A server that a proxy on this machine calls gets the client's address and scheme from the fields
// of the proxy. The client has sent an X-Forwarded-For too, to which the proxy has appended.
func ExampleAppHandler_trustedProxies() {
	h := &httpapp.AppHandler{
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
		App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			w.Headers().Add("Content-Type", "text/plain")
			_, err := fmt.Fprintf(w, "%s over %s to port %s",
				r.Environ.Get("REMOTE_ADDR"), r.Scheme, r.Environ.Get("SERVER_PORT"))
			return err
		}),
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "127.0.0.1:4711"
	r.Header.Set("X-Forwarded-For", "198.51.100.66, 203.0.113.7")
	r.Header.Set("X-Forwarded-Proto", "https")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Body)
	// Output: 203.0.113.7 over https to port 443
}
