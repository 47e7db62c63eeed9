package exchange

import (
	"fmt"
	"io/fs"
	"syscall"
)

// Symlinks says which symbolic links below a [Root] are followed, also out of it. Links in the path
// of the Root itself are always followed.
type Symlinks int

// The policies.
const (
	// SymlinksOwner follows a link that belongs to root or to the user that owns the file or folder
	// it leads to. A user can so not give out the files of others by a link. It is Apache's
	// SymLinksIfOwnerMatch and nginx's disable_symlinks if_not_owner, except for the links of root,
	// which packages such as phpMyAdmin need. On a system without user ids, such as Windows, it
	// follows no link.
	SymlinksOwner Symlinks = iota

	// SymlinksAll follows every link.
	SymlinksAll

	// SymlinksNone follows no link.
	SymlinksNone
)

var symlinksNames = [...]string{"owner", "all", "none"}

// String returns the name that UnmarshalText reads: "owner", "all" or "none".
func (s Symlinks) String() string {
	if s < 0 || int(s) >= len(symlinksNames) {
		return fmt.Sprintf("Symlinks(%d)", int(s))
	}
	return symlinksNames[s]
}

// UnmarshalText implements encoding.TextUnmarshaler, for flags and configuration files.
func (s *Symlinks) UnmarshalText(text []byte) error {
	for policy, name := range symlinksNames {
		if name == string(text) {
			*s = Symlinks(policy)
			return nil
		}
	}
	return fmt.Errorf("exchange: %.64q is not owner, all or none", text)
}

// follows reports whether links of a user are followed at all. -1 is an unknown user.
func (s Symlinks) follows(owner int) bool {
	return s == SymlinksAll || s == SymlinksOwner && owner >= 0
}

// LinkError says why a symbolic link was not followed. For errors.Is it is fs.ErrPermission if the
// policy forbids the link, and syscall.ELOOP if there are too many links, as in a loop.
type LinkError struct {
	Link   string // the link's path
	Owner  int    // the id of the user that the link belongs to, -1 if the system has none
	Reason string // such as `it leads to "/etc/shadow" of user 0`

	kind error
}

// Error tells it for a log.
func (e *LinkError) Error() string {
	owner := ""
	if e.Owner >= 0 {
		owner = fmt.Sprintf(" of user %d", e.Owner)
	}
	return fmt.Sprintf("the symbolic link %.256q%s is not followed: %s", e.Link, owner, e.Reason)
}

// Unwrap returns fs.ErrPermission or syscall.ELOOP.
func (e *LinkError) Unwrap() error { return e.kind }

// forbidden is a link that the policy does not allow.
func forbidden(path string, link node, reason string) error {
	return &LinkError{Link: path, Owner: link.owner(), Reason: reason, kind: fs.ErrPermission}
}

// maxLinks is how many links one path may lead through: Linux's own bound.
const maxLinks = 40

// loop is a link that leads through too many others.
func loop(path string, link node) error {
	reason := fmt.Sprintf("the path leads through more than %d links", maxLinks)
	return &LinkError{Link: path, Owner: link.owner(), Reason: reason, kind: syscall.ELOOP}
}
