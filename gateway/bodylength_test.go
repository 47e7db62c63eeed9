package gateway_test

import (
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/headers"
)

func TestBodyLength(t *testing.T) {
	for _, test := range []struct {
		method, status, length string
		want                   int64
	}{
		{"GET", "200 OK", "12", 12},
		{"GET", "", "0", 0},
		{"POST", "404 Not Found", "9223372036854775807", 9223372036854775807},
		{"GET", "200 OK", "", -1},
		{"HEAD", "200 OK", "12", -1},
		{"GET", "204 No Content", "12", -1},
		{"GET", "304 ", "12", -1},
		{"GET", "200 OK", "+12", -1},
		{"GET", "200 OK", "12, 12", -1},
		{"GET", "200 OK", "9223372036854775808", -1},
	} {
		r := &gateway.Response{Status: test.status, Headers: headers.New()}
		if test.length != "" {
			r.Headers.Add("Content-Length", test.length)
		}
		if got := r.BodyLength(test.method); got != test.want {
			t.Errorf("%+v: got %d", test, got)
		}
	}
}
