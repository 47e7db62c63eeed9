package gateway

import (
	"errors"
	"io"
	"syscall"
)

// PeerGone reports whether err says that the other end of a connection or pipe has gone away. Web servers go away whenever
// their clients do, so this is worth no log line.
func PeerGone(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNABORTED) ||
		errors.Is(err, io.ErrClosedPipe) || systemGone(err)
}
