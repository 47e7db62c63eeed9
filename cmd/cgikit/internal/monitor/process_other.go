//go:build !linux

package monitor

// readUsage has no figures: only Linux shows them in /proc.
func readUsage() (u usage, ok bool) { return u, false }
