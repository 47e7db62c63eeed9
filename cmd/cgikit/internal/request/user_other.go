//go:build !unix

package request

import (
	"errors"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// setUser refuses --user: there is no way to change to a user here.
func (r *Request) setUser(*cgi.Script) error {
	if r.RunAs == "" {
		return nil
	}
	return cli.Usage(errors.New("--user is not possible on this system"), "the script runs as the user of this process")
}
