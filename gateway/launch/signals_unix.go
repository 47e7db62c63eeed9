//go:build unix

package launch

import (
	"os"
	"syscall"
)

// stopSignals are those on which a server drains. SIGUSR1 is how mod_fastcgi and lighttpd ask a FastCGI program to, and what the
// FastCGI library makes of it.
func stopSignals() []os.Signal { return []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1} }
