//go:build !linux

package monitor

// readUsage returns no figures: only Linux has them in /proc.
func readUsage() (u usage, ok bool) { return u, false }
