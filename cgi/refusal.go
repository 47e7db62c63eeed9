package cgi

import (
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/cgikit/cgikit/gateway"
)

// refusal is an answer without a script.
type refusal struct {
	status string // such as "404 Not Found"
	text   string // for the client
	detail string // for the log
	kind   error  // fs.ErrNotExist, or nil
}

// answer tells the log why, and the client what.
func (f *refusal) answer(r *gateway.Request) (*gateway.Response, error) {
	r.Warn(f.detail)
	text := fmt.Sprintf("Status: %s\nContent-Type: text/plain; charset=utf-8\nContent-Length: %d\n\n%s\n", f.status, len(f.text)+1, f.text)
	return gateway.ReadResponse(io.NopCloser(strings.NewReader(text)), 0)
}

func (f *refusal) Error() string { return f.detail }

// Unwrap tells exchange.Root that the file may be in the folder which has taken the place of this
// one.
func (f *refusal) Unwrap() error { return f.kind }

func notFound(path, why string) error {
	detail := fmt.Sprintf("cgi: %.256q %s", path, why)
	return &refusal{"404 Not Found", "There is no such script here.", detail, fs.ErrNotExist}
}

func forbidden(path, why string) error {
	detail := fmt.Sprintf("cgi: %.256q %s", path, why)
	return &refusal{"403 Forbidden", "This may not be run.", detail, nil}
}
