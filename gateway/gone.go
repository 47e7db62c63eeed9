package gateway

import (
	"errors"
	"io"
	"syscall"
)

// PeerGone reports whether err means that the other end of a connection or pipe has closed it. Web
// servers close connections whenever their clients leave, so such an error is not logged. For an
// error of [BaseCGIHandler.Run], PeerGone reports whether the peer of Stdout has gone. An App may
// also have failed because another peer closed a connection; then the peer of Stdout must still be
// shown the break.
func PeerGone(err error) bool {
	if b := (*brokenError)(nil); errors.As(err, &b) {
		return b.gone
	}
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNABORTED) ||
		errors.Is(err, io.ErrClosedPipe) || systemGone(err)
}
