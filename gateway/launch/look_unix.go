//go:build unix

package launch

import "golang.org/x/sys/unix"

func lookAtStdin() Stdin { return lookAt(0) }

func lookAt(fd int) Stdin {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return StdinClosed
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFSOCK:
		return lookAtSocket(fd)
	case unix.S_IFCHR, unix.S_IFBLK:
		return StdinDevice
	case unix.S_IFIFO:
		return StdinPipe
	}
	return StdinFile
}

// lookAtSocket asks the system whether the socket listens. Where it does not tell, a stream socket
// without a peer does: that is how the FastCGI library finds out, and on the others it would take a
// datagram socket for one that listens.
func lookAtSocket(fd int) Stdin {
	if kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_STREAM {
		return StdinSocket
	}
	listening, listenErr := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	peer, peerErr := unix.Getpeername(fd)
	if listening != 0 || listenErr == unix.ENOPROTOOPT && peerErr == unix.ENOTCONN {
		return StdinListening
	}
	switch peer.(type) {
	case *unix.SockaddrInet4, *unix.SockaddrInet6:
		return StdinConnection
	}
	return StdinSocket
}
