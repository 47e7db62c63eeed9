package gateway

import (
	"bytes"
	"context"
	"io"
	"os"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
	"github.com/cgikit/cgikit/util"
)

// TestMain fails when a test leaves a goroutine behind.
func TestMain(m *testing.M) {
	os.Exit(leaks.Run(m))
}

// environ returns an Environ of name, value pairs.
func environ(pairs ...string) *util.Environ {
	e := util.NewEnviron()
	for i := 0; i < len(pairs); i += 2 {
		e.Add(pairs[i], pairs[i+1])
	}
	return e
}

// answer is the result of one request.
type answer struct {
	out string // Stdout
	log string // Stderr
	err error  // Run's
}

// run answers one request of the given method.
func run(method string, app AppFunc) answer {
	return runHandler(&BaseCGIHandler{Environ: environ("REQUEST_METHOD", method, "REQUEST_URI", "/x")}, app)
}

func runHandler(h *BaseCGIHandler, app AppFunc) answer {
	var out, log bytes.Buffer
	if h.Stdout == nil {
		h.Stdout = &out
	}
	if h.Stderr == nil {
		h.Stderr = &log
	}
	err := h.Run(context.Background(), app)
	return answer{out.String(), log.String(), err}
}

// failingWriter accepts limit bytes and then fails with err.
type failingWriter struct {
	limit int
	err   error
}

func (w *failingWriter) Write(p []byte) (int, error) {
	if len(p) > w.limit {
		return w.limit, w.err
	}
	w.limit -= len(p)
	return len(p), nil
}

// write is an App that sends text, with no Start.
func write(texts ...string) AppFunc {
	return func(w ResponseWriter, r *Request) error {
		for _, text := range texts {
			if _, err := io.WriteString(w, text); err != nil {
				return err
			}
		}
		return nil
	}
}
