package gateway_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// The same App works on every transport.
func Example() {
	app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Set("Content-Type", "text/plain")
		_, err := fmt.Fprintf(w, "Hello from %s\n", r.Environ.Get("PATH_INFO"))
		return err
	})

	// A server decodes these from the connection; see package cgi, scgi or fastcgi.
	environ := util.EnvironFromMap(map[string]string{"REQUEST_METHOD": "GET", "PATH_INFO": "/here"})
	h := &gateway.BaseCGIHandler{Environ: environ, Stdout: crlf{os.Stdout}}
	if err := h.Run(context.Background(), app); err != nil {
		fmt.Println(err)
	}
	// Output:
	// Status: 200 OK
	// Content-Type: text/plain
	// Content-Length: 17
	//
	// Hello from /here
}

// After a failure before the head is sent, the client gets an error page without details.
// LogException gets the details.
func ExampleBaseCGIHandler() {
	h := &gateway.BaseCGIHandler{
		Stdout:       crlf{os.Stdout},
		ErrorStatus:  "503 Service Unavailable",
		ErrorBody:    "Back soon.\n",
		LogException: func(r *gateway.Request, err error, stack []byte) { fmt.Println("log:", err) },
	}
	h.Run(context.Background(), gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		io.WriteString(w, "half an answer")
		return fmt.Errorf("no database")
	}))
	// Output:
	// log: no database
	// Status: 503 Service Unavailable
	// Content-Type: text/plain; charset=utf-8
	// Content-Length: 11
	//
	// Back soon.
}

// A client of a CGI-like protocol calls ReadResponse. It reads the head; the rest is the body.
func ExampleReadResponse() {
	stdout := io.NopCloser(strings.NewReader("Status: 404 Not Found\nContent-Type: text/plain\n\nno such thing"))
	resp, err := gateway.ReadResponse(stdout, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Printf("%s, %s: %s\n", resp.Status, resp.Headers.Get("Content-Type"), body)
	// Output: 404 Not Found, text/plain: no such thing
}

// A file that an App copies to its ResponseWriter is sent by sendfile(2), if the transport and the
// system support it.
func ExampleResponseWriter() {
	app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		f, err := os.Open("testdata/page.txt")
		if err != nil {
			w.Start("404 Not Found")
			return nil
		}
		defer f.Close()
		_, err = io.Copy(w, f)
		return err
	})
	(&gateway.BaseCGIHandler{Stdout: crlf{os.Stdout}}).Run(context.Background(), app)
	// Output:
	// Status: 404 Not Found
	// Content-Length: 0
}

// crlf replaces the CRLF line ends of a head by LF.
type crlf struct{ w io.Writer }

func (c crlf) Write(p []byte) (int, error) {
	_, err := io.WriteString(c.w, strings.ReplaceAll(string(p), "\r\n", "\n"))
	return len(p), err
}
