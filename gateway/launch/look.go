package launch

import "os"

// Stdin is what descriptor 0 is, as far as it tells how a process was started.
type Stdin string

// What descriptor 0 may be.
const (
	StdinClosed     Stdin = "closed"           // a Go program started so finds /dev/null there
	StdinDevice     Stdin = "device"           // a terminal, /dev/null
	StdinFile       Stdin = "file"             // also a folder
	StdinPipe       Stdin = "pipe"             // with or without a name
	StdinListening  Stdin = "listening socket" // a stream socket on which to accept connections
	StdinConnection Stdin = "connection"       // a stream socket connected over a network
	// any other socket: of a pair, of datagrams; under Apache's mod_cgid
	StdinSocket  Stdin = "socket"
	StdinUnknown Stdin = "unknown" // the system does not tell, as on Windows
)

// Look gathers the evidence of this process; addresses are those that it was given. Descriptor 0 is
// looked at and not touched. Once a server has taken over the socket that was there, it is a
// device.
func Look(addresses ...string) Evidence {
	return Evidence{Environ: os.Environ(), PID: os.Getpid(), Stdin: lookAtStdin(), Listen: addresses}
}
