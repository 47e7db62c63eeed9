//go:build !linux

package exchange

// openDir returns the node of the folder at path. It follows links.
func openDir(path string) (node, error) { return openPath(path) }
