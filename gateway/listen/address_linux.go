package listen

// Limits of unix sockets on this system: sun_path has 108 bytes, the last of them NUL.
const (
	maxSocketPath   = 107
	abstractSockets = true
)
