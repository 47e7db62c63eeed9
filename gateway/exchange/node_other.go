//go:build !linux

package exchange

// openDir looks at the folder at path, links followed.
func openDir(path string) (node, error) { return openPath(path) }
