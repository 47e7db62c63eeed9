//go:build !linux

package load

import (
	"errors"
	"time"
)

// Supported reports whether Load.Run works on this system.
const Supported = false

// Run is for Linux, whose epoll it needs: elsewhere it fails.
func (l Load) Run(conns int, span time.Duration) (done float64, took time.Duration, err error) {
	return 0, 0, errors.ErrUnsupported
}
