//go:build unix && !linux

package listen

// What unix sockets can here: sun_path has 104 bytes, the last of them NUL.
const (
	maxSocketPath   = 103
	abstractSockets = false
)
