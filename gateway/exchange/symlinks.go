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
	// it leads to. So a user cannot publish the files of others by a link. It is Apache's
	// SymLinksIfOwnerMatch and nginx's disable_symlinks if_not_owner, except for the links of root,
	// which packages such as phpMyAdmin need. On a system without user ids, such as Windows, no
	// link is followed.
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

// allows reports whether links of the user owner may be followed. -1 means an unknown user.
func (s Symlinks) allows(owner int) bool {
	return s == SymlinksAll || s == SymlinksOwner && owner >= 0
}

// LinkError reports a symbolic link that was not followed. It wraps fs.ErrPermission if the policy
// forbids the link, and syscall.ELOOP if the path leads through too many links, as in a loop.
type LinkError struct {
	Link   string // the link's path
	Owner  int    // the id of the user that owns the link, -1 if the system has no user ids
	Reason string // such as `it leads to "/etc/shadow" of user 0`

	kind error
}

// Error returns the link, its owner and the reason, for a log.
func (e *LinkError) Error() string {
	owner := ""
	if e.Owner >= 0 {
		owner = fmt.Sprintf(" of user %d", e.Owner)
	}
	return fmt.Sprintf("the symbolic link %.256q%s is not followed: %s", e.Link, owner, e.Reason)
}

// Unwrap returns fs.ErrPermission or syscall.ELOOP.
func (e *LinkError) Unwrap() error { return e.kind }

// forbiddenLink returns the error for a link that the policy does not allow.
func forbiddenLink(path string, link node, reason string) error {
	return &LinkError{Link: path, Owner: link.owner(), Reason: reason, kind: fs.ErrPermission}
}

// maxLinks is how many links one path may lead through. Linux has the same limit.
const maxLinks = 40

// tooManyLinks returns the error for a link after maxLinks others.
func tooManyLinks(path string, link node) error {
	reason := fmt.Sprintf("the path leads through more than %d links", maxLinks)
	return &LinkError{Link: path, Owner: link.owner(), Reason: reason, kind: syscall.ELOOP}
}
