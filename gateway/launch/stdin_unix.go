//go:build unix

package launch

import "golang.org/x/sys/unix"

func stdinKind() Stdin { return descriptorKind(0) }

func descriptorKind(fd int) Stdin {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return StdinClosed
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFSOCK:
		return socketKind(fd)
	case unix.S_IFCHR, unix.S_IFBLK:
		return StdinDevice
	case unix.S_IFIFO:
		return StdinPipe
	}
	return StdinFile
}

// socketKind asks the system whether a stream socket listens. If the system cannot tell, a socket
// without a peer counts as listening, as in the FastCGI library.
func socketKind(fd int) Stdin {
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
