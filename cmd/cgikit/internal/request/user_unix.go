//go:build unix

package request

import (
	"fmt"
	"os"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/cmd/cgikit/internal/account"
	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// setUser makes scripts run as the user of --user, with the user's groups.
func (r *Request) setUser(s *cgi.Script) error {
	if r.RunAs == "" {
		return nil
	}
	c, err := account.Find(r.RunAs)
	if err != nil {
		return cli.Usage(fmt.Errorf("--user: %w", err), "it is the name or the number of a user of this system, and after a colon that of a group")
	}
	switch {
	case os.Geteuid() == 0:
	case os.Geteuid() != int(c.UID) || os.Getegid() != int(c.GID):
		return cli.Failure(fmt.Errorf("this process cannot become the user %s", r.RunAs), "only root can: sudo cgikit request ...")
	default:
		return nil // this process is that user
	}
	s.RunAs = (*cgi.Credential)(c)
	return nil
}
