package launch

import "os"

// Stdin is the kind of descriptor 0, as far as it shows how a process was started.
type Stdin string

// The kinds of descriptor 0.
const (
	StdinClosed     Stdin = "closed"           // the Go runtime opens /dev/null there, so a Go program sees a device
	StdinDevice     Stdin = "device"           // a terminal, /dev/null
	StdinFile       Stdin = "file"             // a file or a folder
	StdinPipe       Stdin = "pipe"             // a pipe, with or without a name
	StdinListening  Stdin = "listening socket" // a stream socket on which to accept connections
	StdinConnection Stdin = "connection"       // a stream socket connected over a network
	// another socket, such as one of a pair or a datagram socket; Apache's mod_cgid passes one
	StdinSocket  Stdin = "socket"
	StdinUnknown Stdin = "unknown" // the system cannot tell, as on Windows
)

// Look gathers the evidence of this process, with the addresses given to it. It does not change
// descriptor 0. After a server has begun to serve an inherited socket, descriptor 0 is a device.
func Look(addresses ...string) Evidence {
	return Evidence{Environ: os.Environ(), PID: os.Getpid(), Stdin: stdinKind(), Listen: addresses}
}
