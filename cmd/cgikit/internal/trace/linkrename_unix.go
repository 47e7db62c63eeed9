//go:build unix

package trace

import "os"

// linkAndRename gives the file at path the name aside, and that at aside the name path, in steps
// that leave a file at path at all times: the live socket gets a second name by a link, and the new
// one is renamed over the first.
func linkAndRename(aside, path string) error {
	fresh := aside + "n"
	if err := os.Rename(aside, fresh); err != nil {
		return err
	}
	if err := os.Link(path, aside); err != nil {
		os.Remove(fresh)
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		os.Remove(aside)
		os.Remove(fresh)
		return err
	}
	return nil
}
