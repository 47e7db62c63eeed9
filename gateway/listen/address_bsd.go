//go:build unix && !linux

package listen

// Limits of unix sockets on this system: sun_path has 104 bytes, the last of them NUL.
const (
	maxSocketPath   = 103
	abstractSockets = false
)
