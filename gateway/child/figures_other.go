//go:build !linux

package child

// Memory reports that the memory is not known.
func (c *Child) Memory() (n uint64, known bool) { return 0, false }

// Written reports that it is not known how much the process has written.
func (c *Child) Written() (n uint64, known bool) { return 0, false }
