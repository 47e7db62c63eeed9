package host_test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/scgi"
	"github.com/cgikit/cgikit/util"
)

// application stands for the application of a backend. It answers with the request that it got.
var application = gateway.Local(gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
	w.Headers().Set("Content-Type", "text/plain")
	_, err := fmt.Fprintf(w, "%s %q %q\n", r.Environ.Get("REQUEST_METHOD"), r.Environ.Get("SCRIPT_NAME"), r.Environ.Get("PATH_INFO"))
	return err
}))

// show sends a request to a handler and prints the answer.
func show(h http.Handler, path string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	fmt.Printf("%d %s", w.Code, w.Body)
}

// An SCGI application below a path of an HTTP server.
func ExampleHandler() {
	http.Handle("/app/", &host.Handler{
		Backend: &scgi.Client{Addr: "127.0.0.1:4000"},
		Mount:   "/app",
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", nil))
}

// A web server for development: php-fpm for the scripts of a folder, and Files for its other files.
func ExampleHandler_php() {
	const root = "/srv/www"
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", &host.Handler{
		// keep no idle connection, which would occupy a worker
		Backend:   &fastcgi.Client{Addr: "unix:/run/php/php-fpm.sock"},
		Root:      root,
		SplitPath: []string{".php"},
		Index:     []string{"index.php", "index.html"},
		Fallback:  "/index.php", // a front controller's
		Next:      &host.Files{Root: root},
	}))
}

// Requests that lead to a script of a folder, and requests that do not.
func ExampleHandler_scripts() {
	root, err := os.MkdirTemp("", "host-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(root)
	for _, name := range []string{"index.php", "hello.php", "style.css"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte("/* "+name+" */\n"), 0o600); err != nil {
			log.Fatal(err)
		}
	}
	h := &host.Handler{
		Backend:   application,
		Root:      root,
		SplitPath: []string{".php"},
		Index:     []string{"index.php"},
		Next:      &host.Files{Root: root},
	}
	show(h, "/")
	show(h, "/hello.php/world")
	show(h, "/style.css")
	show(h, "/style.css/x.php")
	// Output:
	// 200 GET "/index.php" ""
	// 200 GET "/hello.php" "/world"
	// 200 /* style.css */
	// 404 There is nothing here.
}

// The files of a folder over HTTP. Only symbolic links that belong to root, or to the owner of
// their target, are followed. The type of a file without an extension is not guessed.
func ExampleFiles() {
	root, err := os.MkdirTemp("", "host-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(root)
	if err := os.WriteFile(filepath.Join(root, "upload"), []byte("<script>alert(1)</script>"), 0o600); err != nil {
		log.Fatal(err)
	}
	h := httpapp.Handler(&host.Files{Root: root, Symlinks: exchange.SymlinksOwner})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/upload", nil))
	fmt.Println(w.Code, w.Header().Get("Content-Type"), w.Header().Get("X-Content-Type-Options"))
	// Output: 200 application/octet-stream nosniff
}

// One line for each request.
func ExampleHandler_access() {
	h := &host.Handler{
		Backend: application,
		Access: func(a *gateway.Access) {
			fmt.Println(a.Request.Environ.Get("REQUEST_URI"), a.Status, a.Bytes, a.Err)
		},
	}
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/a?b", nil))
	// Output: /a?b 200 12 <nil>
}

// Check finds mistakes in a configuration before the first request.
func ExampleHandler_Check() {
	h := &host.Handler{Backend: application, Env: []string{"QUERY_STRING=admin=1"}}
	fmt.Println(h.Check())
	// Output: host: Env: QUERY_STRING describes the request and cannot be set
}

// A Transport in a reverse proxy: rewriting, retries and other code built on http.RoundTripper can
// be used with it.
func ExampleTransport() {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: "app.internal"})
			r.SetXForwarded()
		},
		Transport: &host.Transport{Backend: application, PassAuthorization: true},
	}
	show(proxy, "/through/a/proxy")
	// Output: 200 GET "" "/through/a/proxy"
}

// A client of an SCGI application, with a body of unknown length.
func ExampleSpool() {
	length := gateway.Local(gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := fmt.Fprintf(w, "CONTENT_LENGTH=%s", r.Environ.Get("CONTENT_LENGTH"))
		return err
	}))
	spool := &host.Spool{Backend: length, MaxBodyBytes: 10 << 20}
	unknown := io.MultiReader(strings.NewReader("nobody knows "), bytes.NewReader([]byte("how long this is")))
	resp, err := spool.RoundTrip(&gateway.Request{Environ: util.EnvironFromMap(map[string]string{"REQUEST_METHOD": "POST"}), Stdin: unknown})
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	fmt.Println(string(answer), err)
	// Output: CONTENT_LENGTH=29 <nil>
}

// Scripts finds the script of a path.
func ExampleScripts() {
	root, err := os.MkdirTemp("", "host-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(root)
	if err := os.WriteFile(filepath.Join(root, "blog.php"), nil, 0o600); err != nil {
		log.Fatal(err)
	}
	s := host.Scripts{Root: root, SplitPath: []string{".php"}}
	script, err := s.Resolve("/blog.php/2026/05")
	fmt.Println(script.Name, script.PathInfo, err)
	_, err = s.Resolve("/blog.php.bak/x.php")
	fmt.Println(err)
	// Output:
	// /blog.php /2026/05 <nil>
	// host: there is no file at the path
}
