//go:build unix

package account

import (
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/gateway/child"
)

// Find returns the ids of "NAME" or "NAME:GROUP", which may both be numbers. Without a group, the
// groups are those that a login of the user has. With a group, it is the only one: it says which
// rights the program has. A number need not be in the system's lists.
func Find(name string) (*child.Credential, error) {
	name, group, hasGroup := strings.Cut(name, ":")
	c := new(child.Credential)
	if err := setUser(c, name); err != nil {
		return nil, err
	}
	if !hasGroup {
		return c, nil
	}
	return c, SetGroup(c, group)
}

// SetGroup sets the group of that name or number, and no others.
func SetGroup(c *child.Credential, name string) error {
	n, err := parseID(name)
	if err != nil {
		g, lookupErr := user.LookupGroup(name)
		if lookupErr != nil {
			return fmt.Errorf("group %.64q does not exist", name)
		}
		n, err = parseID(g.Gid)
	}
	c.GID, c.Groups = n, nil
	return err
}

func setUser(c *child.Credential, name string) error {
	u, err := user.Lookup(name)
	if n, numErr := parseID(name); numErr == nil {
		c.UID = n
		if u, err = user.LookupId(name); err != nil {
			c.GID = n
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("user %.64q does not exist", name)
	}
	uid, uidErr := parseID(u.Uid)
	gid, gidErr := parseID(u.Gid)
	ids, err := u.GroupIds()
	if err := errors.Join(uidErr, gidErr, err); err != nil {
		return err
	}
	c.UID, c.GID = uid, gid
	for _, id := range ids {
		n, err := parseID(id)
		if err != nil {
			return err
		}
		c.Groups = append(c.Groups, n)
	}
	return nil
}

func parseID(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	return uint32(n), err
}
