package gofastconn

import (
	"context"
	"net/http"
	"sync"

	"github.com/cgikit/cgikit/headers"
)

// Handler wraps a gofast.Handler whose clients come from c.NewClient, for what a
// gofast.ResponsePipe cannot tell: a response that was cut off is cut off for the client too
// (http.ErrAbortHandler), and the head is the application's, also where a line of it is longer than
// gofast can take.
//
//	client := &gofastconn.Client{Pool: &fastcgi.Client{Addr: "unix:/run/php/php-fpm.sock"}}
//	handler := gofastconn.Handler(gofast.NewHandler(session, client.NewClient))
func Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o := new(observer)
		ow := &observedWriter{ResponseWriter: w, observer: o}
		next.ServeHTTP(ow, r.WithContext(context.WithValue(r.Context(), observerKey{}, o)))
		if o.failed() {
			panic(http.ErrAbortHandler)
		}
	})
}

type observerKey struct{}

// observer is where the exchange leaves for Handler what does not go through gofast. A nil one
// takes nothing.
type observer struct {
	mu     sync.Mutex
	fields *headers.Headers
	err    error
}

func (o *observer) head(fields *headers.Headers) {
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

func (o *observer) failed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err != nil
}

func (o *observer) take() *headers.Headers {
	o.mu.Lock()
	defer o.mu.Unlock()
	fields := o.fields
	o.fields = nil
	return fields
}

// observedWriter puts the real head in the place of gofast's.
type observedWriter struct {
	http.ResponseWriter
	observer *observer
}

// WriteHeader implements http.ResponseWriter.
func (w *observedWriter) WriteHeader(status int) {
	if fields := w.observer.take(); fields != nil {
		for name, value := range fields.All() {
			w.Header().Add(name, value)
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *observedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
