package validate_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/validate"
	"github.com/cgikit/cgikit/util"
)

// serve takes the place of a transport, such as scgi.Serve. It answers one GET of the root and
// prints the lines of the response.
func serve(app gateway.App) {
	e := util.EnvironFromMap(map[string]string{"QUERY_STRING": ""})
	util.SetupTestingDefaults(e)
	run := gateway.BaseCGIHandler{Environ: e, Stdout: byLines{os.Stdout}, Stderr: byLines{os.Stdout}}
	if err := run.Run(context.Background(), app); err != nil {
		fmt.Println(err)
	}
}

type byLines struct{ w io.Writer }

func (b byLines) Write(p []byte) (int, error) {
	_, err := io.WriteString(b.w, strings.ReplaceAll(string(p), "\r\n", "\n"))
	return len(p), err
}

// An App without a Content-Type works with some web servers. The validator reports it: the log has
// the rule, and the client gets the error page.
func ExampleNew() {
	app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		if err := w.Start("200 OK"); err != nil {
			return err
		}
		_, err := io.WriteString(w, "Hello, world!\n")
		return err
	})
	serve(validate.New(app, nil))
	// Output:
	// "GET" "": validate: response.content-type: got ""; the rule: a response with a body has a Content-Type (RFC 3875 section 6.3.1)
	// Status: 500 Internal Server Error
	// Content-Type: text/plain; charset=utf-8
	// Content-Length: 67
	//
	// The server met an internal error and could not answer the request.
}

// A program can collect violations while the requests continue.
func ExampleOptions() {
	app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Set("Content-Type", "text/plain")
		w.Headers().Set("Content-Length", "5")
		_, err := io.WriteString(w, "Hello, world!\n")
		return err
	})
	report := func(v *validate.Violation) {
		fmt.Printf("%s of the %s: %s: %q\n", v.Rule.Severity, v.Rule.Side, v.Rule.ID, v.Value)
	}
	serve(validate.New(app, &validate.Options{Report: report, KeepGoing: true}))
	// Output:
	// warning of the app: response.start-missing: ""
	// error of the app: response.length-mismatch: "more than the declared 5"
	// "GET" "": gateway: body does not match the declared Content-Length
	// Status: 500 Internal Server Error
	// Content-Type: text/plain; charset=utf-8
	// Content-Length: 67
	//
	// The server met an internal error and could not answer the request.
}

// A handler must not send fields that a gateway drops.
func ExampleHandler() {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		fmt.Fprintln(w, "Hello, world!")
	})
	report := func(v *validate.Violation) { fmt.Println(v.Rule.ID, v.Value) }
	w := httptest.NewRecorder()
	validate.Handler(h, &validate.Options{Report: report}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Code)
	// Output:
	// response.hop-by-hop Connection
	// 500
}

// A tool can read the table of rules.
func ExampleRules() {
	for _, r := range validate.Rules() {
		if r.Side == validate.SideApp && r.Severity == validate.SeverityWarning {
			fmt.Println(r.ID)
		}
	}
	// Output:
	// stdin.past-end
	// response.start-missing
	// response.silent
	// response.status-class
	// response.interim
	// response.field-name
	// response.field-value
	// response.head-body
	// response.fields-after-head
}
