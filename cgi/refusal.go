package cgi

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/cgikit/cgikit/gateway"
)

// refusal is the error of a request that is answered without a script.
type refusal struct {
	status string // such as "404 Not Found"
	text   string // for the client
	detail string // for the log
	kind   error  // fs.ErrNotExist, or nil
	absent bool   // the path leads to no file, so that another path may lead to the script
}

// isAbsent reports whether err is a refusal with absent set.
func isAbsent(err error) bool {
	f := (*refusal)(nil)
	return errors.As(err, &f) && f.absent
}

// respond logs the detail and returns the response for the client.
func (f *refusal) respond(r *gateway.Request) (*gateway.Response, error) {
	r.Warn(f.detail)
	text := fmt.Sprintf("Status: %s\nContent-Type: text/plain; charset=utf-8\nContent-Length: %d\n\n%s\n", f.status, len(f.text)+1, f.text)
	return gateway.ReadResponse(io.NopCloser(strings.NewReader(text)), 0)
}

func (f *refusal) Error() string { return f.detail }

// Unwrap returns fs.ErrNotExist if the file may be in another folder that has replaced this one:
// exchange.Root checks for that.
func (f *refusal) Unwrap() error { return f.kind }

const (
	noScript = "This script does not exist."
	noRun    = "This file must not be run."
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

// afterMove makes exchange.Root resolve the folder's path again after a refusal: if that is a link
// that has moved, the script may be in its new target.
func afterMove(err error) error {
	refused := (*refusal)(nil)
	if !errors.As(err, &refused) {
		return err
	}
	c := *refused
	c.kind = fs.ErrNotExist
	return &c
}
