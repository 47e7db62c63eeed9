package main

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// openUnlinked returns another path of a socket, which remains valid when the socket's file is
// removed: that of a descriptor of this process. It reports false if a client cannot connect by it.
func openUnlinked(path string) (address string, release func(), ok bool) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", nil, false
	}
	address = "/proc/self/fd/" + strconv.Itoa(fd)
	var file, link unix.Stat_t
	if unix.Fstat(fd, &file) != nil || unix.Stat(address, &link) != nil || file.Ino != link.Ino || file.Dev != link.Dev {
		unix.Close(fd)
		return "", nil, false
	}
	return address, func() { unix.Close(fd) }, true
}
