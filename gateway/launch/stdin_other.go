//go:build !unix

package launch

// stdinKind returns StdinUnknown: this system does not pass sockets by descriptor number.
func stdinKind() Stdin { return StdinUnknown }
