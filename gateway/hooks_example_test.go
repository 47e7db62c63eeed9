package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"sync"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/headers"
	"github.com/cgikit/cgikit/util"
)

// These examples show wsgiref's customisation points. In each, h is the handler that a transport
// would create for a request.

// printResponse runs h with app and prints the lines of the response.
func printResponse(h *gateway.BaseCGIHandler, app gateway.AppFunc) {
	h.Stdout = crlf{os.Stdout}
	if err := h.Run(context.Background(), app); err != nil {
		fmt.Println(err)
	}
}

// say returns an App that answers with text.
func say(text string) gateway.AppFunc {
	return func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

// An App that is not safe for concurrent use takes a lock if it may be called concurrently.
func ExampleBaseCGIHandler_multithread() {
	var mu sync.Mutex
	visits := 0
	app := func(w gateway.ResponseWriter, r *gateway.Request) error {
		if r.Multithread {
			mu.Lock()
			defer mu.Unlock()
		}
		visits++
		_, err := fmt.Fprintf(w, "visit %d\n", visits)
		return err
	}
	printResponse(&gateway.BaseCGIHandler{Multithread: true}, app)
	// Output:
	// Status: 200 OK
	// Content-Length: 8
	//
	// visit 1
}

// Data that an App keeps in memory is not visible to other processes.
func ExampleBaseCGIHandler_multiprocess() {
	app := func(w gateway.ResponseWriter, r *gateway.Request) error {
		place := "memory"
		if r.Multiprocess {
			place = "a file"
		}
		_, err := fmt.Fprintf(w, "sessions are in %s\n", place)
		return err
	}
	printResponse(&gateway.BaseCGIHandler{Multiprocess: true}, app)
	// Output:
	// Status: 200 OK
	// Content-Length: 23
	//
	// sessions are in a file
}

// A process that answers one request does not need a cache.
func ExampleBaseCGIHandler_runOnce() {
	app := func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := fmt.Fprintf(w, "fill the cache: %t\n", !r.RunOnce)
		return err
	}
	printResponse(&gateway.BaseCGIHandler{RunOnce: true}, app)
	// Output:
	// Status: 200 OK
	// Content-Length: 22
	//
	// fill the cache: false
}

// As with wsgiref's os_environ, the environment of the process is the base of each request's
// environ. The variables of the request are set in a copy, so that no variable of one request is in
// the next.
func ExampleBaseCGIHandler_osEnviron() {
	process := util.EnvironFromList([]string{"LANG=C", "QUERY_STRING=of the shell"}) // os.Environ()
	list := func(w gateway.ResponseWriter, r *gateway.Request) error {
		for name, value := range r.Environ.All() {
			fmt.Printf("%s=%s\n", name, value)
		}
		return nil
	}
	for _, sent := range [][]string{{"QUERY_STRING=a=1", "REMOTE_USER=joe"}, {"QUERY_STRING=b=2"}} {
		h := gateway.BaseCGIHandler{Environ: process.Clone(), Stdout: io.Discard}
		for name, value := range util.EnvironFromList(sent).All() {
			h.Environ.Set(name, value)
		}
		if err := h.Run(context.Background(), gateway.AppFunc(list)); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// LANG=C
	// QUERY_STRING=a=1
	// REMOTE_USER=joe
	// LANG=C
	// QUERY_STRING=b=2
}

// An origin server sends its name to the App and to the client.
func ExampleBaseCGIHandler_serverSoftware() {
	app := func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Set("Date", "Thu, 01 Jan 1970 00:00:00 GMT") // or it would be of now
		_, err := fmt.Fprintf(w, "served by %s\n", r.Environ.Get("SERVER_SOFTWARE"))
		return err
	}
	printResponse(&gateway.BaseCGIHandler{OriginServer: true, ServerSoftware: "toy/1.0"}, app)
	// Output:
	// HTTP/1.1 200 OK
	// Server: toy/1.0
	// Date: Thu, 01 Jan 1970 00:00:00 GMT
	// Content-Length: 18
	// Connection: close
	//
	// served by toy/1.0
}

// A transport can override the scheme that the environ implies.
func ExampleBaseCGIHandler_scheme() {
	app := func(w gateway.ResponseWriter, r *gateway.Request) error {
		fmt.Println(r.Scheme)
		return nil
	}
	for _, h := range []gateway.BaseCGIHandler{
		{},
		{Environ: util.EnvironFromList([]string{"HTTPS=on"})},
		{Scheme: "https"},
	} {
		h.Stdout = io.Discard
		if err := h.Run(context.Background(), gateway.AppFunc(app)); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// http
	// https
	// https
}

// The counterpart of wsgiref's setup_environ and add_cgi_vars: a deployment changes variables in
// Environ before Run, or in an App around the App, which works with every transport.
func ExampleBaseCGIHandler_setupEnviron() {
	behindProxy := func(app gateway.App) gateway.AppFunc {
		return func(w gateway.ResponseWriter, r *gateway.Request) error {
			r.Environ.Set("REMOTE_ADDR", r.Environ.Get("HTTP_X_REAL_IP"))
			return app.ServeGateway(w, r)
		}
	}
	app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := fmt.Fprintf(w, "%s, this is %s\n", r.Environ.Get("REMOTE_ADDR"), r.Environ.Get("SERVER_NAME"))
		return err
	})
	h := &gateway.BaseCGIHandler{Environ: util.EnvironFromList([]string{"REMOTE_ADDR=127.0.0.1", "HTTP_X_REAL_IP=192.0.2.1"})}
	h.Environ.Set("SERVER_NAME", "www.example")
	printResponse(h, behindProxy(app))
	// Output:
	// Status: 200 OK
	// Content-Length: 31
	//
	// 192.0.2.1, this is www.example
}

// The log gets the details that the client does not get.
func ExampleBaseCGIHandler_logException() {
	h := &gateway.BaseCGIHandler{
		Environ: util.EnvironFromList([]string{"REQUEST_URI=/x"}),
		LogException: func(r *gateway.Request, err error, stack []byte) {
			fmt.Printf("%s: %v; stack: %t\n\n", r.Environ.Get("REQUEST_URI"), err, stack != nil)
		},
	}
	printResponse(h, func(gateway.ResponseWriter, *gateway.Request) error { panic("out of ideas") })
	// Output:
	// /x: panic: out of ideas; stack: true
	//
	// Status: 500 Internal Server Error
	// Content-Type: text/plain; charset=utf-8
	// Content-Length: 67
	//
	// The server met an internal error and could not answer the request.
}

func ExampleBaseCGIHandler_tracebackLimit() {
	for _, limit := range []int{1, 3, -1} {
		h := gateway.BaseCGIHandler{
			Stdout:         io.Discard,
			TracebackLimit: limit,
			LogException: func(r *gateway.Request, err error, stack []byte) {
				// each is two lines: the function, and where
				fmt.Println(limit, "is", bytes.Count(stack, []byte("\n\t")), "frames")
			},
		}
		h.Run(context.Background(), gateway.AppFunc(func(gateway.ResponseWriter, *gateway.Request) error { panic("again") }))
	}
	// Output:
	// 1 is 1 frames
	// 3 is 3 frames
	// -1 is 0 frames
}

// ErrorOutput is an App: the error page may depend on the request.
func ExampleBaseCGIHandler_errorOutput() {
	h := &gateway.BaseCGIHandler{
		Environ: util.EnvironFromList([]string{"HTTP_ACCEPT=application/json"}),
		Stderr:  io.Discard,
		ErrorOutput: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			if !strings.Contains(r.Environ.Get("HTTP_ACCEPT"), "json") {
				return say("Something went wrong.\n")(w, r)
			}
			w.Headers().Set("Content-Type", "application/json")
			return say(`{"error": true}`+"\n")(w, r)
		}),
	}
	printResponse(h, func(gateway.ResponseWriter, *gateway.Request) error { return errors.New("no database") })
	// Output:
	// Status: 500 Internal Server Error
	// Content-Type: application/json
	// Content-Length: 16
	//
	// {"error": true}
}

// A development server can show the error and the stack of Request.Failure in its page. A public
// page must not show them.
func ExampleRequest_Failure() {
	development := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		f := r.Failure()
		w.Headers().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintf(w, "%s failed: %v\n", r.Environ.Get("PATH_INFO"), f.Err)
		if len(f.Stack) > 0 {
			// all of it, in earnest
			fmt.Fprintf(w, "The stack begins with %s.\n", bytes.SplitN(f.Stack, []byte("("), 2)[0])
		}
		return nil
	})
	h := &gateway.BaseCGIHandler{
		Environ:     util.EnvironFromList([]string{"PATH_INFO=/cart"}),
		Stderr:      io.Discard,
		ErrorOutput: development,
	}
	printResponse(h, func(gateway.ResponseWriter, *gateway.Request) error { panic("no such column: price") })
	// Output:
	// Status: 500 Internal Server Error
	// Content-Type: text/plain; charset=utf-8
	// Content-Length: 72
	//
	// /cart failed: panic: no such column: price
	// The stack begins with panic.
}

// A page that is always the same needs only ErrorStatus, ErrorHeaders and ErrorBody.
func ExampleBaseCGIHandler_errorBody() {
	h := &gateway.BaseCGIHandler{
		Stderr:       io.Discard,
		ErrorStatus:  "503 Service Unavailable",
		ErrorHeaders: []headers.Field{{Name: "Content-Type", Value: "text/html"}, {Name: "Retry-After", Value: "60"}},
		ErrorBody:    "<h1>Back in a minute</h1>\n",
	}
	printResponse(h, func(gateway.ResponseWriter, *gateway.Request) error { return errors.New("no database") })
	// Output:
	// Status: 503 Service Unavailable
	// Content-Type: text/html
	// Retry-After: 60
	// Content-Length: 26
	//
	// <h1>Back in a minute</h1>
}

// ownWay is a Stdout that sends a file itself, as wsgiref's sendfile does.
type ownWay struct{ io.Writer }

func (o ownWay) SendFile(f gateway.File, n int64) (int64, error) {
	fmt.Print("(a file) ")
	return gateway.SendFile(o.Writer, f, n, nil)
}

// A Stdout whose protocol can send files faster than bytes has a method SendFile. To other Stdouts,
// files are sent by sendfile(2) if the system supports it. NoFileWrapper turns off both. An App
// calls only io.Copy(w, f), which replaces wsgiref's wrapper.
func ExampleFileSender() {
	app := func(w gateway.ResponseWriter, r *gateway.Request) error {
		f, err := os.Open("hooks_example_test.go")
		if err != nil {
			return err
		}
		file := util.NewFileWrapper(f, 0)
		defer file.Close()
		_, err = io.CopyN(w, file, int64(len("package gateway_test")))
		return err
	}
	for _, h := range []gateway.BaseCGIHandler{{}, {NoFileWrapper: true}} {
		h.Stdout = ownWay{crlf{os.Stdout}}
		if err := h.Run(context.Background(), gateway.AppFunc(app)); err != nil {
			fmt.Println(err)
		}
		fmt.Println()
	}
	// Output:
	// Status: 200 OK
	//
	// (a file) package gateway_test
	// Status: 200 OK
	// Content-Length: 20
	//
	// package gateway_test
}

// An nph script writes the HTTP response itself.
func ExampleBaseCGIHandler_originServer() {
	h := &gateway.BaseCGIHandler{
		OriginServer: true,
		Environ:      util.EnvironFromList([]string{"SERVER_PROTOCOL=HTTP/1.1"}),
	}
	printResponse(h, func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Set("Date", "Thu, 01 Jan 1970 00:00:00 GMT")
		io.WriteString(w, "Hello")
		w.Flush() // the length is not known then, so the body goes in chunks
		_, err := io.WriteString(w, " world")
		return err
	})
	// Output:
	// HTTP/1.1 200 OK
	// Date: Thu, 01 Jan 1970 00:00:00 GMT
	// Transfer-Encoding: chunked
	// Connection: close
	//
	// 5
	// Hello
	// 6
	//  world
	// 0
}

// With HTTPVersion a response is not in the format of HTTP/1.1. A client of HTTP/0.9 gets only the
// body.
func ExampleBaseCGIHandler_httpVersion() {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/0.9"} {
		h := &gateway.BaseCGIHandler{
			OriginServer: true,
			HTTPVersion:  "1.0",
			Environ:      util.EnvironFromList([]string{"SERVER_PROTOCOL=" + protocol}),
		}
		printResponse(h, func(w gateway.ResponseWriter, r *gateway.Request) error {
			w.Headers().Set("Date", "Thu, 01 Jan 1970 00:00:00 GMT")
			return say("for "+protocol+"\n")(w, r)
		})
	}
	// Output:
	// HTTP/1.0 200 OK
	// Date: Thu, 01 Jan 1970 00:00:00 GMT
	// Content-Length: 13
	// Connection: close
	//
	// for HTTP/1.1
	// for HTTP/0.9
}
