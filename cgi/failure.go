package cgi

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/child"
)

// startFailure returns the response or the error for a script that could not be started. It never
// contains the text of the script (CVE-2008-1111).
func startFailure(r *gateway.Request, err error) (*gateway.Response, error) {
	switch ctx := r.Context(); {
	case err == errContextEnded && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, &gateway.BackendError{Status: 504, Reason: "the request took too long", Err: context.Cause(ctx)}
	case err == errContextEnded:
		return nil, gateway.ContextError(ctx)
	// the kernel bounds the size of the environment, which a client can fill
	case errors.Is(err, syscall.E2BIG):
		const text = "The request has more header fields than a script can take."
		return (&refusal{status: "431 Request Header Fields Too Large", text: text, detail: err.Error()}).respond(r)
	case child.IsShortage(err):
		return nil, &gateway.ServerError{Status: 503, Reason: "the script cannot be started", Err: err}
	}
	return nil, &gateway.BackendError{Status: 502, Reason: "the script cannot be started", Err: err}
}

// explain names the file that is the reason of err, an error of the start of a script. The system
// names only the script, also if the folder in which it is to run cannot be entered, or if the
// interpreter of its first line is missing, or has a CR at the end of its name. The error has a
// hint where the reason cannot be seen.
func explain(path, dir string, err error) error {
	if errors.Is(err, syscall.ENOEXEC) {
		return fmt.Errorf("cgi: %w (hint: a script's first line names its interpreter, such as #!/bin/sh; a program must be built for this machine)", err)
	}
	_, pathErr := os.Stat(path)
	_, dirErr := os.Stat(dir + string(filepath.Separator) + ".")
	switch {
	case errors.Is(err, fs.ErrNotExist) && pathErr != nil:
		return fmt.Errorf("cgi: %w", pathErr)
	case dirErr != nil:
		return fmt.Errorf("cgi: the script cannot run in its folder: %w", &fs.PathError{Op: "chdir", Path: dir, Err: underlying(dirErr)})
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("cgi: %w (hint: the user as which the script runs must be allowed to execute it, to read it if it names an interpreter, and to enter the folders on the way)", err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("cgi: %w (hint: the script is there, but not the interpreter of its first line, which must end in LF without CR)", err)
	}
	return fmt.Errorf("cgi: %w", err)
}

// underlying returns the error of the system in one of package os.
func underlying(err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	return err
}
