package exchange

import "strings"

// IsHidden reports whether a segment of path is hidden from clients: it begins with a dot, such as
// .git and .htpasswd, and is not .well-known (RFC 8615). "." and ".." are hidden too.
func IsHidden(path string) bool {
	for name := range strings.SplitSeq(path, "/") {
		if strings.HasPrefix(name, ".") && name != ".well-known" {
			return true
		}
	}
	return false
}
