package validate_test

import (
	"context"
	"io"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/validate"
)

// discardConn is Stdout as a transport would have it: something on the heap.
type discardConn struct{ n int }

func (d *discardConn) Write(p []byte) (int, error) { d.n += len(p); return len(p), nil }

var helloBytes = []byte("Hello, world!\n")

func plainHello(w gateway.ResponseWriter, r *gateway.Request) error {
	w.Headers().Set("Content-Type", "text/plain; charset=utf-8")
	w.Start("200 OK")
	_, err := w.Write(helloBytes)
	return err
}

// request runs app once, from the environ to the response.
func request(tb testing.TB, app gateway.App, out io.Writer) {
	h := gateway.BaseCGIHandler{Environ: environ(nginx...), Stdout: out, Stderr: io.Discard}
	if err := h.Run(context.Background(), app); err != nil {
		tb.Fatal(err)
	}
}

// TestCost: with the validator a request allocates at most three times as often.
func TestCost(t *testing.T) {
	out := &discardConn{}
	app := gateway.AppFunc(plainHello)
	plain := testing.AllocsPerRun(1000, func() { request(t, app, out) })
	validated := validate.New(app, nil)
	with := testing.AllocsPerRun(1000, func() { request(t, validated, out) })
	if with > 3*plain {
		t.Errorf("got %v allocations; want at most 3 times %v", with, plain)
	}
	t.Logf("%v allocations, %v without", with, plain)
}

// BenchmarkRun is a hello, without and with the validator.
func BenchmarkRun(b *testing.B) {
	out := &discardConn{}
	app := gateway.AppFunc(plainHello)
	b.Run("without", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			request(b, app, out)
		}
	})
	b.Run("with", func(b *testing.B) {
		validated := validate.New(app, nil)
		b.ReportAllocs()
		for b.Loop() {
			request(b, validated, out)
		}
	})
}
