package httpapp_test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/util"
)

// A program on net/http/cgi keeps its handler. Before:
//
//	import "net/http/cgi"
//
//	func main() {
//		http.HandleFunc("/", greetUser)
//		if err := cgi.Serve(nil); err != nil {
//			log.Fatal(err)
//		}
//	}
//
//	func greetUser(w http.ResponseWriter, r *http.Request) {
//		fmt.Fprintf(w, "Hello, %s, at %s\n", os.Getenv("REMOTE_USER"), r.URL.Path)
//	}
//
// With this package, a panic becomes an error page, a failure becomes an exit status, and the
// client's query does not reach the command line. The handler reads the variables of the request in
// place of those of the process, so that it runs on every other transport too.
func Example_fromNetHTTPCGI() {
	main := func() {
		http.HandleFunc("/", greetUser)
		if err := cgi.Serve(httpapp.New(http.DefaultServeMux)); err != nil {
			log.Fatal(err)
		}
	}

	script := asCGI("Example_fromNetHTTPCGI", main)
	show(script, "", "REQUEST_METHOD=GET", "SCRIPT_NAME=/cgi-bin/hello", "PATH_INFO=/x", "REQUEST_URI=/cgi-bin/hello/x", "REMOTE_USER=joe")
	// Output: 200 OK: Hello, joe, at /cgi-bin/hello/x
}

func greetUser(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "Hello, %s, at %s\n", httpapp.Environ(r).Get("REMOTE_USER"), r.URL.Path)
}

// A program on net/http/fcgi keeps its handler too, and gets SCRIPT_NAME and PATH_INFO. Before:
//
//	import "net/http/fcgi"
//
//	func main() {
//		l, err := net.Listen("tcp", "127.0.0.1:9000")
//		if err != nil {
//			log.Fatal(err)
//		}
//		log.Fatal(fcgi.Serve(l, http.HandlerFunc(whoIsThere)))
//	}
//
//	func whoIsThere(w http.ResponseWriter, r *http.Request) {
//		env := fcgi.ProcessEnv(r) // has neither SCRIPT_NAME nor PATH_INFO
//		fmt.Fprintf(w, "%s asked for %s", env["REMOTE_USER"], r.URL.Path)
//	}
//
// With this package, a panic ends one request and not the process, and the context ends when the
// web server closes the connection. [fastcgi.Server] in place of [fastcgi.Serve] adds limits,
// timeouts and Shutdown.
func Example_fromNetHTTPFCGI() {
	// a program listens on "127.0.0.1:9000" and calls log.Fatal in place of go
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	go fastcgi.Serve(l, httpapp.New(http.HandlerFunc(whoIsThere)))

	application := &fastcgi.Client{Addr: l.Addr().String()}
	defer application.Close()
	show(application, "", "REQUEST_METHOD=GET", "SCRIPT_NAME=/app", "PATH_INFO=/list", "REQUEST_URI=/app/list", "REMOTE_USER=joe")
	// Output: 200 OK: joe asked for /app/list, which is /list below /app
}

func whoIsThere(w http.ResponseWriter, r *http.Request) {
	env := httpapp.Environ(r)
	fmt.Fprintf(w, "%s asked for %s, which is %s below %s", env.Get("REMOTE_USER"), r.URL.Path, env.Get("PATH_INFO"), env.Get("SCRIPT_NAME"))
}

// A WSGI application can be translated to an App almost line by line. Before:
//
//	from wsgiref.handlers import CGIHandler
//	from wsgiref.util import application_uri, shift_path_info
//
//	def app(environ, start_response):
//	    if environ["REQUEST_METHOD"] == "POST":
//	        size = int(environ.get("CONTENT_LENGTH") or 0)
//	        data = environ["wsgi.input"].read(size)
//	        start_response("201 Created", [("Content-Type", "text/plain")])
//	        return [b"%d bytes\n" % len(data)]
//	    name = shift_path_info(environ)
//	    if not name:
//	        environ["wsgi.errors"].write("nobody to greet\n")
//	        start_response("404 Not Found", [("Content-Type", "text/plain")])
//	        return [b"Whom?\n"]
//	    start_response("200 OK", [("Content-Type", "text/plain")])
//	    return [f"Hello, {name}, from {application_uri(environ)}\n".encode()]
//
//	CGIHandler().run(app)
//
// Stdin ends with the body, so reading needs no size. The App writes blocks when it has them, and
// does not return them. The error that an App returns replaces exc_info.
func Example_fromWSGI() {
	app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Set("Content-Type", "text/plain")
		if r.Environ.Get("REQUEST_METHOD") == "POST" {
			data, err := io.ReadAll(r.Stdin)
			if err != nil {
				return err
			}
			w.Start("201 Created")
			_, err = fmt.Fprintf(w, "%d bytes\n", len(data))
			return err
		}
		name, _ := util.ShiftPathInfo(r.Environ)
		if name == "" {
			fmt.Fprintln(r.Stderr, "nobody to greet")
			w.Start("404 Not Found")
			_, err := io.WriteString(w, "Whom?\n")
			return err
		}
		w.Start("200 OK")
		_, err := fmt.Fprintf(w, "Hello, %s, from %s\n", name, util.ApplicationURI(r.Environ))
		return err
	})
	main := func() {
		if err := cgi.Serve(app); err != nil {
			log.Fatal(err)
		}
	}

	script := asCGI("Example_fromWSGI", main)
	show(script, "", "REQUEST_METHOD=GET", "HTTP_HOST=www.example", "SCRIPT_NAME=/greet", "PATH_INFO=/you")
	show(script, "", "REQUEST_METHOD=GET", "HTTP_HOST=www.example", "SCRIPT_NAME=/greet", "PATH_INFO=/")
	show(script, "some data", "REQUEST_METHOD=POST", "HTTP_HOST=www.example", "SCRIPT_NAME=/greet", "CONTENT_LENGTH=9")
	// Output:
	// 200 OK: Hello, you, from http://www.example/greet/you
	// nobody to greet
	// 404 Not Found: Whom?
	// 201 Created: 9 bytes
}

// asCGI returns a CGI script that runs main. The script is this test program, which runs the
// example that calls asCGI. In the script, asCGI calls main, which answers the request of the
// environment, and the process ends.
func asCGI(example string, main func()) *cgi.Script {
	if os.Getenv("REQUEST_METHOD") != "" {
		main()
		os.Exit(0)
	}
	program, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	return &cgi.Script{
		Path: program,
		Args: []string{"-test.run=^" + example + "$"},
		// otherwise a program with the race detector waits a second at its end
		Env: []string{"GORACE=atexit_sleep_ms=0"},
	}
}

// show acts as the web server: it calls b, and prints its error stream and its answer.
func show(b gateway.Backend, body string, environ ...string) {
	resp, err := b.RoundTrip(&gateway.Request{
		Environ: util.EnvironFromList(append(environ, "SERVER_PROTOCOL=HTTP/1.1")),
		Stdin:   strings.NewReader(body),
		Stderr:  os.Stdout,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %s\n", resp.Status, bytes.TrimSpace(answer))
}
