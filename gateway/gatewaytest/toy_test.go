package gatewaytest_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest"
)

// TestToy tests the transport of the package's Example.
func TestToy(t *testing.T) {
	t.Parallel()
	gatewaytest.Run(t, toy)
}

// buffers runs the App over byte buffers: the client gets nothing before the whole response is
// written.
type buffers struct{ app gateway.App }

func (b buffers) RoundTrip(r *gateway.Request) (*gateway.Response, error) {
	var out bytes.Buffer
	h := gateway.BaseCGIHandler{Environ: r.Environ.Clone(), Stdin: r.Stdin, StdinStream: true, Stdout: &out, Stderr: io.Discard, Multithread: true}
	if err := h.Run(r.Context(), b.app); err != nil {
		return nil, &gateway.BackendError{Reason: "the application broke off", Err: err}
	}
	return gateway.ReadResponse(io.NopCloser(&out), 256<<10)
}

// pipes runs the App over streams without a protocol: the output is read while the App writes it.
type pipes struct{ app gateway.App }

func (p pipes) RoundTrip(r *gateway.Request) (*gateway.Response, error) {
	out, in := io.Pipe()
	h := gateway.BaseCGIHandler{Environ: r.Environ.Clone(), Stdin: r.Stdin, StdinStream: true, Stdout: in, Stderr: io.Discard, Multithread: true}
	go func() { in.CloseWithError(h.Run(r.Context(), p.app)) }()
	return gateway.ReadResponse(out, 256<<10)
}

const wholeOnly = "byte buffers: nothing reaches the client before the App has returned, so it cannot be seen to wait"

// TestStreams runs the suite over streams in this process. TestHTTPS does it over TLS.
func TestStreams(t *testing.T) {
	t.Parallel()
	t.Run("pipes", func(t *testing.T) {
		t.Parallel()
		gatewaytest.Run(t, gatewaytest.Transport{Start: func(t testing.TB, app gateway.App) string {
			return gatewaytest.FrontEnd(t, pipes{app}, "/app")
		}})
	})
	t.Run("buffers", func(t *testing.T) {
		t.Parallel()
		var exclusions []gatewaytest.Exclusion
		for _, name := range []string{"streamed", "head-before-body", "slow-reader", "full-duplex", "gone-while-silent", "gone-while-writing",
			"panic-after-the-first-byte", "error-after-the-first-byte"} {
			exclusions = append(exclusions, gatewaytest.Exclusion{Case: name, Reason: wholeOnly})
		}
		gatewaytest.Run(t, gatewaytest.Transport{Exclusions: exclusions, Start: func(t testing.TB, app gateway.App) string {
			return gatewaytest.FrontEnd(t, buffers{app}, "/app")
		}})
	})
}
