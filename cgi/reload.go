package cgi

import (
	"errors"

	"github.com/cgikit/cgikit/gateway/exchange"
)

// Reload opens the folder again if its path leads elsewhere now, without a wait for the next check.
// After an error the old folder stays in use: see [exchange.Root.Reload].
func (d *Dir) Reload() error { return d.folder().Reload() }

func (d *Dir) folder() *exchange.Root {
	d.once.Do(func() { d.root.Path, d.root.Symlinks = d.Path, d.Symlinks })
	return &d.root
}

// Reload opens the folders of Paths again if their paths lead elsewhere now: see [Dir.Reload].
func (n *Named) Reload() error {
	n.once.Do(n.preparePlaces)
	var errs []error
	for _, p := range n.places {
		errs = append(errs, p.root.Reload())
	}
	return errors.Join(errs...)
}
