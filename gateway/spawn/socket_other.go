//go:build !unix

package spawn

import (
	"errors"
	"net"
	"os"
)

// socketOf returns an error: a program of this system does not inherit a listening socket as its
// standard input.
func socketOf(net.Listener) (*os.File, error) {
	return nil, errors.New("spawn: this system cannot pass a listening socket to a program")
}
