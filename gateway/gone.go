package gateway

import (
	"errors"
	"io"
	"syscall"
)

// PeerGone reports whether err says that the other end of a connection or pipe has gone away. Web
// servers go away whenever their clients do, so this is worth no log line. Of an error of
// [BaseCGIHandler.Run] it says whether that was the end of Stdout: an App may have failed because a
// peer of its own went away, and then there is somebody to show the break to.
func PeerGone(err error) bool {
	if b := (*brokenError)(nil); errors.As(err, &b) {
		return b.gone
	}
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNABORTED) ||
		errors.Is(err, io.ErrClosedPipe) || systemGone(err)
}
