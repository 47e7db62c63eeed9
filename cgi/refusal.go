package cgi

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cgikit/cgikit/gateway"
)

// refusal is an answer without a script.
type refusal struct {
	status string // such as "404 Not Found"
	text   string // for the client
	detail string // for the log
}

// answer tells the log why, and the client what.
func (f *refusal) answer(r *gateway.Request) (*gateway.Response, error) {
	fmt.Fprintln(cmp.Or[io.Writer](r.Stderr, os.Stderr), f.detail)
	text := fmt.Sprintf("Status: %s\nContent-Type: text/plain; charset=utf-8\nContent-Length: %d\n\n%s\n", f.status, len(f.text)+1, f.text)
	return gateway.ReadResponse(io.NopCloser(strings.NewReader(text)), 0)
}

func (f *refusal) Error() string { return f.detail }

func notFound(path, why string) error {
	return &refusal{"404 Not Found", "There is no such script here.", fmt.Sprintf("cgi: %.256q %s", path, why)}
}

func forbidden(path, why string) error {
	return &refusal{"403 Forbidden", "This may not be run.", fmt.Sprintf("cgi: %.256q %s", path, why)}
}
