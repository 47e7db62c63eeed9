package host

import (
	"errors"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/cgikit/cgikit/gateway"
)

// ErrDenied means that a pattern of Deny matches the path: 403.
var ErrDenied = errors.New("host: the path is denied")

// pathPattern is a parsed pattern of [Handler.Deny]: the patterns of its segments, folded.
type pathPattern struct {
	anywhere bool // one segment, which may be at any place
	segments []string
}

// parsePatterns parses the patterns of a field of that name.
func parsePatterns(field string, texts []string) (list []pathPattern, err error) {
	for _, text := range texts {
		p := pathPattern{anywhere: !strings.HasPrefix(text, "/")}
		if clean := strings.Trim(fold(text), "/"); clean != "" {
			p.segments = strings.Split(clean, "/")
		}
		switch {
		case slices.ContainsFunc(p.segments, isMalformed):
			return nil, fieldError(field, "%.64q is a malformed pattern", text)
		case p.anywhere && len(p.segments) != 1:
			return nil, fieldError(field, "%.64q does not begin with a slash, and is not the pattern of one name", text)
		case slices.Contains(p.segments, ""), slices.Contains(p.segments, "."), slices.Contains(p.segments, ".."):
			return nil, fieldError(field, "%.64q has an empty segment or a dot segment, which no path has", text)
		}
		list = append(list, p)
	}
	return list, nil
}

// isMalformed reports whether path.Match refuses the pattern of a segment.
func isMalformed(segment string) bool {
	_, err := path.Match(segment, "")
	return err != nil
}

// fold returns s with each letter replaced by the smallest of those that differ only in case, also
// for letters such as the Kelvin sign, which some file systems take for a K.
func fold(s string) string { return strings.Map(smallest, s) }

func smallest(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	return least
}

// match reports whether the pattern matches a decoded path in normal form, or a folder above it.
func (p pathPattern) match(name string) bool {
	segments := strings.Split(strings.Trim(fold(name), "/"), "/")
	if p.anywhere {
		return slices.ContainsFunc(segments, func(s string) bool { return matchSegment(p.segments[0], s) })
	}
	if len(segments) < len(p.segments) {
		return false
	}
	for i, pattern := range p.segments {
		if !matchSegment(pattern, segments[i]) {
			return false
		}
	}
	return true
}

func matchSegment(pattern, segment string) bool {
	ok, _ := path.Match(pattern, segment) // parsePatterns has checked the pattern
	return ok
}

// matchAny reports whether one of the patterns matches a path.
func matchAny(patterns []pathPattern, name string) bool {
	return slices.ContainsFunc(patterns, func(p pathPattern) bool { return p.match(name) })
}

// checkDenied returns ErrDenied if a pattern matches the path of r. A slash that the client encoded
// ends a segment for an application, and is part of a name for files, so both paths are checked.
func checkDenied(patterns []pathPattern, r *gateway.Request) error {
	if len(patterns) == 0 {
		return nil
	}
	t, whole, err := normalPath(r)
	if err != nil {
		return err
	}
	if names, _ := t.Names(); matchAny(patterns, whole) || matchAny(patterns, names) {
		return ErrDenied
	}
	return nil
}

// encode encodes a decoded path, so that it decodes to itself.
func encode(path string) string { return strings.ReplaceAll(path, "%", "%25") }
