package cgi

import (
	"errors"
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
	absent bool   // there is no file, of whatever kind
}

// isAbsent reports whether err says that no file is at a path, so that the script may be at
// another.
func isAbsent(err error) bool {
	f := (*refusal)(nil)
	return errors.As(err, &f) && f.absent
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

const (
	noScript = "There is no such script here."
	noRun    = "This may not be run."
)

func notFound(path, why string) error {
	detail := fmt.Sprintf("cgi: %.256q %s", path, why)
	return &refusal{status: "404 Not Found", text: noScript, detail: detail, kind: fs.ErrNotExist, absent: true}
}

func forbidden(path, why string) error {
	detail := fmt.Sprintf("cgi: %.256q %s", path, why)
	return &refusal{status: "403 Forbidden", text: noRun, detail: detail}
}

func isFolder(path string) error {
	detail := fmt.Sprintf("cgi: %.256q is a folder", path)
	return &refusal{status: "403 Forbidden", text: noRun, detail: detail, absent: true}
}

// mayMove makes exchange.Root look at the folder's path again after a refusal: what is outside the
// folder may be in the one that the path leads to by now.
func mayMove(err error) error {
	refused := (*refusal)(nil)
	if !errors.As(err, &refused) {
		return err
	}
	c := *refused
	c.kind = fs.ErrNotExist
	return &c
}
