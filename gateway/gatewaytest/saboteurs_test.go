package gatewaytest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/headers"
	"github.com/cgikit/cgikit/util"
)

// saboteur is a transport that breaks a rule. It serves app, mounted at /app.
type saboteur func(app gateway.App) http.Handler

var saboteurs = map[string]saboteur{
	"naive": naive,

	// Faults in the App's environ.
	"cuts variables": rewriting(func(name, value string) string { return value[:max(len(value)-1, 0)] }),
	"decodes twice":  rewriting(unescaped),
	"does not decode": rewriting(func(name, value string) string {
		return onlyPath(name, value, strings.ReplaceAll((&url.URL{Path: value}).EscapedPath(), ",", "%2c"))
	}),
	"merges slashes":   rewriting(func(name, value string) string { return onlyPath(name, value, mergeSlashes(value)) }),
	"omits empty ones": rewriting(func(name, value string) string { return value }),
	"knows two methods": rewriting(func(name, value string) string {
		if name == "REQUEST_METHOD" && value != "POST" {
			return "GET"
		}
		return value
	}),
	"mounts at the root":  around(mountedAtRoot),
	"believes the client": around(believing),
	"takes the last":      lastField,
	"takes aliases":       aliases,

	// Faults in the request body.
	"loses a byte of the body": around(func(app gateway.App, w gateway.ResponseWriter, r *gateway.Request) error {
		io.ReadFull(r.Stdin, make([]byte, 1))
		return app.ServeGateway(w, r)
	}),
	"adds a byte to the body": around(func(app gateway.App, w gateway.ResponseWriter, r *gateway.Request) error {
		r.Stdin = io.MultiReader(r.Stdin, strings.NewReader("+"))
		return app.ServeGateway(w, r)
	}),
	"hides a short body":  around(hidingShortBody),
	"insists on the body": around(insisting),
	"reads ahead": around(func(app gateway.App, w gateway.ResponseWriter, r *gateway.Request) error {
		body, _ := io.ReadAll(r.Stdin)
		r.Stdin = bytes.NewReader(body)
		return app.ServeGateway(w, r)
	}),

	// Faults in the response.
	"answers 200":         around(always200),
	"loses the last byte": writing(func(w *brokenWriter, p []byte) []byte { return p[:max(len(p)-1, 0)] }),
	"text mode":           writing(func(w *brokenWriter, p []byte) []byte { return bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n")) }),
	"looks for heads":     writing(func(w *brokenWriter, p []byte) []byte { return p[bytes.LastIndex(p, []byte("\r\n\r\n"))+1:] }),
	"loses blocks":        writing(losingBlocks),
	"guesses types":       writing(guessing),
	"small head":          smallHead,
	"does not flush": around(func(app gateway.App, w gateway.ResponseWriter, r *gateway.Request) error {
		return app.ServeGateway(flushless{w}, r)
	}),

	// Faults in the treatment of other requests, and of failures.
	"one at a time":        oneAtATime,
	"forgets the client":   around(forgetful),
	"swallows breaks":      around(swallowing),
	"tells":                around(telling),
	"dies":                 dying,
	"blocks on complaints": around(blocking),
}

func served(app gateway.App) http.Handler {
	return &httpapp.AppHandler{App: app, Mount: "/app", ErrorLog: slog.New(slog.DiscardHandler)}
}

// around makes a saboteur of a wrapper of the App. The wrapper gets a copy of the request.
func around(sabotage func(app gateway.App, w gateway.ResponseWriter, r *gateway.Request) error) saboteur {
	return func(app gateway.App) http.Handler {
		return served(gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			return sabotage(app, w, r.WithContext(r.Context()))
		}))
	}
}

// rewriting changes the value of each variable that is not of the suite, and removes a variable
// with an empty value.
func rewriting(change func(name, value string) string) saboteur {
	return around(func(app gateway.App, w gateway.ResponseWriter, r *gateway.Request) error {
		changed := util.NewEnviron()
		for name, value := range r.Environ.All() {
			if !strings.HasPrefix(name, "HTTP_X_GATEWAYTEST") {
				value = change(name, value)
			}
			if value != "" {
				changed.Add(name, value)
			}
		}
		r.Environ = changed
		return app.ServeGateway(w, r)
	})
}

func onlyPath(name, value, changed string) string {
	if name == "PATH_INFO" {
		return changed
	}
	return value
}

func unescaped(name, value string) string {
	switch name {
	case "PATH_INFO", "REQUEST_URI", "QUERY_STRING":
		value, _ = url.PathUnescape(value)
	}
	return value
}

func mergeSlashes(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}

func mountedAtRoot(app gateway.App, w gateway.ResponseWriter, r *gateway.Request) error {
	r.Environ.Set("PATH_INFO", r.Environ.Get("SCRIPT_NAME")+r.Environ.Get("PATH_INFO"))
	r.Environ.Set("SCRIPT_NAME", "")
	return app.ServeGateway(w, r)
}

// believing lets fields of the client set variables that only the server may set.
func believing(app gateway.App, w gateway.ResponseWriter, r *gateway.Request) error {
	r.Scheme = r.Environ.Get("HTTP_X_FORWARDED_PROTO")
	r.Environ.Set("SERVER_NAME", r.Environ.Get("HTTP_HOST"))
	for _, name := range []string{"HTTP_PROXY", "COOKIE", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"} {
		r.Environ.Set(name, "the client's")
	}
	return app.ServeGateway(w, r)
}

func lastField(app gateway.App) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, values := range r.Header {
			r.Header[name] = values[len(values)-1:]
		}
		served(app).ServeHTTP(w, r)
	})
}

func aliases(app gateway.App) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, values := range r.Header {
			if strings.Contains(name, "_") {
				r.Header.Set(strings.ReplaceAll(name, "_", "-"), values[0])
			}
		}
		served(app).ServeHTTP(w, r)
	})
}

// patient makes io.EOF of every error.
type patient struct{ io.Reader }

func (b patient) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil {
		err = io.EOF
	}
	return n, err
}

func hidingShortBody(app gateway.App, w gateway.ResponseWriter, r *gateway.Request) error {
	r.Stdin = patient{r.Stdin}
	return app.ServeGateway(w, r)
}

func insisting(app gateway.App, w gateway.ResponseWriter, r *gateway.Request) error {
	err := app.ServeGateway(w, r)
	if n, _ := r.Stdin.Read(make([]byte, 1)); n > 0 {
		return gateway.ErrAbort
	}
	return err
}

// outcome calls app and turns a panic into an error.
func outcome(app gateway.App, w gateway.ResponseWriter, r *gateway.Request) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return app.ServeGateway(w, r)
}

type statusless struct{ gateway.ResponseWriter }

func (statusless) Start(string) error { return nil }

func always200(app gateway.App, w gateway.ResponseWriter, r *gateway.Request) error {
	if outcome(app, statusless{w}, r) != nil {
		io.WriteString(w, "oops")
	}
	return nil
}

// brokenWriter writes other bytes than it is given, and reports no error.
type brokenWriter struct {
	gateway.ResponseWriter
	change func(w *brokenWriter, p []byte) []byte
	seen   int
}

func (w *brokenWriter) Write(p []byte) (int, error) {
	w.seen += len(p)
	_, err := w.ResponseWriter.Write(w.change(w, p))
	return len(p), err
}

func writing(change func(w *brokenWriter, p []byte) []byte) saboteur {
	return around(func(app gateway.App, w gateway.ResponseWriter, r *gateway.Request) error {
		return app.ServeGateway(&brokenWriter{ResponseWriter: w, change: change}, r)
	})
}

// losingBlocks removes the last byte of each write after 64 KiB.
func losingBlocks(w *brokenWriter, p []byte) []byte {
	if w.seen > 64<<10 {
		return p[:max(len(p)-1, 0)]
	}
	return p
}

func guessing(w *brokenWriter, p []byte) []byte {
	if !w.Headers().Has("Content-Type") {
		w.Headers().Set("Content-Type", http.DetectContentType(p))
	}
	return p
}

// smallHeadWriter sends one field of each name, cut at 4,096 bytes.
type smallHeadWriter struct{ http.ResponseWriter }

func (w smallHeadWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w smallHeadWriter) WriteHeader(code int) {
	for name, values := range w.Header() {
		if len(values) > 0 {
			w.Header()[name] = []string{values[0][:min(len(values[0]), 4096)]}
		}
	}
	w.ResponseWriter.WriteHeader(code)
}

func smallHead(app gateway.App) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { served(app).ServeHTTP(smallHeadWriter{w}, r) })
}

type flushless struct{ gateway.ResponseWriter }

func (flushless) Flush() error { return nil }

func oneAtATime(app gateway.App) http.Handler {
	var mu sync.Mutex
	return served(gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		mu.Lock()
		defer mu.Unlock()
		return app.ServeGateway(w, r)
	}))
}

type errorless struct{ gateway.ResponseWriter }

func (w errorless) Write(p []byte) (int, error) {
	w.ResponseWriter.Write(p)
	return len(p), nil
}

func forgetful(app gateway.App, w gateway.ResponseWriter, r *gateway.Request) error {
	return app.ServeGateway(errorless{w}, r.WithContext(context.WithoutCancel(r.Context())))
}

// swallowing ends every response regularly, so that the client cannot see a failure.
func swallowing(app gateway.App, w gateway.ResponseWriter, r *gateway.Request) error {
	outcome(app, lengthless{w}, r)
	return nil
}

type lengthless struct{ gateway.ResponseWriter }

func (w lengthless) Write(p []byte) (int, error) {
	w.Headers().Del("Content-Length")
	return w.ResponseWriter.Write(p)
}

func telling(app gateway.App, w gateway.ResponseWriter, r *gateway.Request) error {
	if err := outcome(app, w, r); err != nil {
		w.Start("500 " + err.Error())
		io.WriteString(w, err.Error())
	}
	return nil
}

func dying(app gateway.App) http.Handler {
	var mu sync.Mutex
	dead := false
	return served(gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		mu.Lock()
		defer mu.Unlock()
		if dead {
			return gateway.ErrAbort
		}
		err := outcome(app, w, r)
		dead = err != nil
		return err
	}))
}

// full is a pipe that has no reader until the client has timed out.
type full struct{ ctx context.Context }

func (f full) Write([]byte) (int, error) {
	<-f.ctx.Done()
	return 0, f.ctx.Err()
}

func blocking(app gateway.App, w gateway.ResponseWriter, r *gateway.Request) error {
	r.Stderr = full{r.Context()}
	return app.ServeGateway(w, r)
}

// naive is a gateway that sends at once what it is given, and checks no rule.
func naive(app gateway.App) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, err := httpapp.MetaVariables(r, "/app")
		c, _, hijackErr := http.NewResponseController(w).Hijack()
		if errors.Join(err, hijackErr) != nil {
			panic(http.ErrAbortHandler)
		}
		defer c.Close()
		outcome(app, &naiveWriter{to: c, fields: headers.New()}, &gateway.Request{Environ: e, Stdin: strings.NewReader(""), Stderr: io.Discard})
	})
}

type naiveWriter struct {
	to      io.Writer
	fields  *headers.Headers
	started bool
}

func (w *naiveWriter) Headers() *headers.Headers { return w.fields }
func (w *naiveWriter) Flush() error              { return w.Start("200 OK") }

func (w *naiveWriter) Start(status string) error {
	if w.started {
		return nil
	}
	w.started = true
	// no reason
	_, err := fmt.Fprintf(w.to, "HTTP/1.1 %s\r\n%s", status[:4], w.fields.AppendTo(nil))
	if err == nil {
		_, err = io.WriteString(w.to, "Connection: close\r\n\r\n")
	}
	return err
}

func (w *naiveWriter) Write(p []byte) (int, error) {
	if err := w.Start("200 OK"); err != nil {
		return 0, err
	}
	return w.to.Write(p)
}
