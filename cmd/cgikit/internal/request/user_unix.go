//go:build unix

package request

import (
	"fmt"
	"os"
	"os/user"
	"strconv"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// setUser makes scripts run as the user of --user, by name or number, with the user's groups.
func (r *Request) setUser(s *cgi.Script) error {
	if r.RunAs == "" {
		return nil
	}
	u, err := user.Lookup(r.RunAs)
	if err != nil {
		u, err = user.LookupId(r.RunAs)
	}
	if err != nil {
		return cli.Usage(fmt.Errorf("--user %.64q is not known", r.RunAs), "it is the name or the number of a user of this system")
	}
	if os.Geteuid() != 0 && strconv.Itoa(os.Geteuid()) != u.Uid {
		return cli.Failure(fmt.Errorf("this process cannot become the user %s", u.Username), "only root can: sudo cgikit request ...")
	}
	s.RunAs, err = credential(u)
	return err
}

func credential(u *user.User) (*cgi.Credential, error) {
	ids := []string{u.Uid, u.Gid}
	if os.Geteuid() == 0 {
		groups, err := u.GroupIds()
		if err != nil {
			return nil, err
		}
		ids = append(ids, groups...)
	}
	numbers := make([]uint32, len(ids))
	for i, id := range ids {
		n, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return nil, err
		}
		numbers[i] = uint32(n)
	}
	return &cgi.Credential{UID: numbers[0], GID: numbers[1], Groups: numbers[2:]}, nil
}
