package gofastconn

import (
	"context"
	"net/http"
	"sync"

	"github.com/cgikit/cgikit/headers"
)

// Handler wraps a gofast.Handler whose clients come from c.NewClient. It adds what
// gofast.ResponsePipe cannot do: a response that was cut off is cut off for the client too
// (http.ErrAbortHandler), and the head of the application is passed on even if a line of it is
// longer than gofast can read.
//
//	client := &gofastconn.Client{Pool: &fastcgi.Client{Addr: "unix:/run/php/php-fpm.sock"}}
//	handler := gofastconn.Handler(gofast.NewHandler(session, client.NewClient))
func Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o := new(observer)
		ow := &observedWriter{ResponseWriter: w, observer: o}
		next.ServeHTTP(ow, r.WithContext(context.WithValue(r.Context(), observerKey{}, o)))
		if o.hasFailed() {
			panic(http.ErrAbortHandler)
		}
	})
}

type observerKey struct{}

// observer passes from the exchange to Handler what does not go through gofast. The fail of a nil
// observer does nothing.
type observer struct {
	mu     sync.Mutex
	fields *headers.Headers
	err    error
}

func (o *observer) setFields(fields *headers.Headers) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fields = fields
}

func (o *observer) fail(err error) {
	if o == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = err
}

func (o *observer) hasFailed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err != nil
}

// removeFields returns the fields once, and nil later.
func (o *observer) removeFields() *headers.Headers {
	o.mu.Lock()
	defer o.mu.Unlock()
	fields := o.fields
	o.fields = nil
	return fields
}

// observedWriter replaces the head of gofast by the real one.
type observedWriter struct {
	http.ResponseWriter
	observer *observer
}

// WriteHeader implements http.ResponseWriter.
func (w *observedWriter) WriteHeader(status int) {
	if fields := w.observer.removeFields(); fields != nil {
		for name, value := range fields.All() {
			w.Header().Add(name, value)
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap returns the wrapped writer to an http.ResponseController.
func (w *observedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
