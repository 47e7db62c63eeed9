//go:build unix && !linux

package trace

// swap exchanges two names.
func swap(aside, path string) error { return linkAndRename(aside, path) }
