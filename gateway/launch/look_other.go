//go:build !unix

package launch

// lookAtStdin has nothing to find out: no socket is inherited by number here.
func lookAtStdin() Stdin { return StdinUnknown }
