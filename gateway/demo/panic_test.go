package demo

import (
	"errors"
	"testing"

	"github.com/cgikit/cgikit/gateway"
)

func TestPanicBeforeTheHead(t *testing.T) {
	fetchComplete(t, request("/panic"), "500 Internal Server Error").lacks(t, "demo:", "panic")
}

// After a late panic the client must get the text and then an error, since a regular end would make
// the body look complete.
func TestPanicAfterTheFirstBytes(t *testing.T) {
	a := fetch(t, request("/panic", "QUERY_STRING", "late"))
	var broken *gateway.BackendError
	if a.Status != "200 OK" || a.body != lateText || !errors.As(a.err, &broken) {
		t.Errorf("got %q, %q, error %v; want 200 OK, the text and a broken body", a.Status, a.body, a.err)
	}
	if a.Headers.Has("Content-Length") {
		t.Error("got a Content-Length, which says where the body ends")
	}
}
