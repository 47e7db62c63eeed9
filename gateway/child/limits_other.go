//go:build !linux

package child

import "errors"

// Apply returns an error if there is a limit.
func (l Limits) Apply(int) error {
	if l != (Limits{}) {
		return errors.New("this system cannot bound another process")
	}
	return nil
}
