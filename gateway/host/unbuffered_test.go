package host_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/headers"
)

// unbuffered is a Backend that declares the length of its body, and sends the second half when the
// client has got the first.
type unbuffered struct{ arrived chan struct{} }

func (b unbuffered) RoundTrip(*gateway.Request) (*gateway.Response, error) {
	body, w := io.Pipe()
	go func() {
		io.WriteString(w, "half")
		<-b.arrived
		io.WriteString(w, "half")
		w.Close()
	}()
	h := headers.New(headers.Field{Name: "Content-Type", Value: "text/plain"}, headers.Field{Name: "Content-Length", Value: "8"},
		headers.Field{Name: "X-Accel-Buffering", Value: "no"})
	return &gateway.Response{Headers: h, Body: body}, nil
}

// TestUnbufferedLength: with X-Accel-Buffering: no, each piece of a body is passed on at once, also
// if the length is declared. So does nginx.
func TestUnbufferedLength(t *testing.T) {
	for _, buffer := range []bool{false, true} {
		b := unbuffered{make(chan struct{})}
		s := httptest.NewServer(&host.Handler{Backend: b, Buffer: buffer})
		defer s.Close()
		resp, err := http.Get(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		first := make([]byte, 4)
		_, err = io.ReadFull(resp.Body, first)
		close(b.arrived)
		rest, restErr := io.ReadAll(resp.Body)
		if err != nil || restErr != nil || string(first)+string(rest) != "halfhalf" || resp.ContentLength != 8 || resp.Header.Get("X-Accel-Buffering") != "" {
			t.Errorf("buffer %t: got %q, %v, %q, %v, %v", buffer, first, err, rest, restErr, resp.Header)
		}
	}
}
