package ping

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/cgikit/cgikit/cmd/internal/target"
)

// Constants of sock_diag(7) that x/sys lacks. They are in linux/unix_diag.h and linux/inet_diag.h.
const (
	showName  = 1 << 0 // UDIAG_SHOW_NAME
	showVFS   = 1 << 1 // UDIAG_SHOW_VFS
	showRQLen = 1 << 4 // UDIAG_SHOW_RQLEN

	attributeName  = 0 // UNIX_DIAG_NAME
	attributeVFS   = 1 // UNIX_DIAG_VFS
	attributeRQLen = 4 // UNIX_DIAG_RQLEN

	onlyListening = 1 << 10 // the bit of TCP_LISTEN, which unix sockets use too

	unixMessageSize = 16 // struct unix_diag_msg
	inetMessageSize = 72 // struct inet_diag_msg
)

// readQueue asks the kernel for the queue of the target's socket. Where it cannot be read the
// result says so: another network namespace, a kernel without the module, a seccomp filter.
func readQueue(t target.Target) Queue {
	switch t.Network {
	case "unix":
		return readUnixQueue(t.Path)
	case "tcp":
		return readTCPQueue(t.Host, t.Port)
	}
	return Queue{}
}

// readUnixQueue finds the socket by the device and the inode of its file: the name that it was
// bound to may be relative, and may lie in another mount namespace.
func readUnixQueue(path string) (q Queue) {
	matches := func(attributes map[uint16][]byte) bool { return string(attributes[attributeName]) == "\x00"+path[1:] }
	if !strings.HasPrefix(path, "@") {
		var file unix.Stat_t
		if unix.Stat(path, &file) != nil {
			return Queue{}
		}
		matches = func(attributes map[uint16][]byte) bool { return isFile(attributes[attributeVFS], &file) }
	}
	dumpSockets(unixRequest(), func(message []byte) {
		if len(message) < unixMessageSize {
			return
		}
		attributes := parseAttributes(message[unixMessageSize:])
		if lengths := attributes[attributeRQLen]; len(lengths) >= 8 && matches(attributes) {
			q.add(lengths)
		}
	})
	return q
}

// isFile compares struct unix_diag_vfs with a file. It has 32 bits of the inode, and the device as
// the kernel writes it: 12 bits of major and 20 bits of minor number.
func isFile(vfs []byte, file *unix.Stat_t) bool {
	device := unix.Major(file.Dev)<<20 | unix.Minor(file.Dev)
	return len(vfs) >= 8 && native.Uint32(vfs) == uint32(file.Ino) && native.Uint32(vfs[4:]) == device
}

// add adds one socket: several may listen at one TCP address (SO_REUSEPORT).
func (q *Queue) add(lengths []byte) {
	q.Known = true
	q.Waiting += int(native.Uint32(lengths))
	q.Limit += int(native.Uint32(lengths[4:]))
}

// readTCPQueue finds the sockets that listen at the address itself, else those that listen at all
// addresses. A host on another machine has none.
func readTCPQueue(host string, port uint16) Queue {
	ip, ok := localAddress(host)
	if !ok {
		return Queue{}
	}
	var exact, all Queue
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		dumpSockets(inetRequest(family, port), func(message []byte) {
			if len(message) < inetMessageSize || binary.BigEndian.Uint16(message[4:]) != port {
				return
			}
			switch at, lengths := boundAddress(message), message[56:64]; {
			case at == ip:
				exact.add(lengths)
			case at.IsUnspecified() && (at.Is6() || ip.Is4()):
				all.add(lengths)
			}
		})
	}
	if exact.Known {
		return exact
	}
	return all
}

// boundAddress is idiag_src of struct inet_diag_msg.
func boundAddress(message []byte) netip.Addr {
	if message[0] == unix.AF_INET {
		return netip.AddrFrom4([4]byte(message[8:12]))
	}
	return netip.AddrFrom16([16]byte(message[8:24])).Unmap()
}

// localAddress returns the IP address of host if it is one of this machine. Of names it knows
// localhost: to resolve others could take as long as the probe itself.
func localAddress(host string) (netip.Addr, bool) {
	if host == "localhost" {
		host = "127.0.0.1"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return ip, false
	}
	ip = ip.Unmap().WithZone("")
	if ip.IsLoopback() || ip.IsUnspecified() {
		return ip, true
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return ip, false
	}
	for _, a := range own {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr() == ip {
			return ip, true
		}
	}
	return ip, false
}

var native = binary.NativeEndian

// unixRequest is struct unix_diag_req.
func unixRequest() []byte {
	b := make([]byte, 24)
	b[0] = unix.AF_UNIX
	native.PutUint32(b[4:], onlyListening)
	native.PutUint32(b[12:], showName|showVFS|showRQLen)
	return b
}

// inetRequest is struct inet_diag_req_v2.
func inetRequest(family byte, port uint16) []byte {
	b := make([]byte, 56)
	b[0], b[1] = family, unix.IPPROTO_TCP
	native.PutUint32(b[4:], onlyListening)
	binary.BigEndian.PutUint16(b[8:], port)
	return b
}

// dumpSockets asks sock_diag(7) for a list of sockets, and calls handle for each message. An error
// of the kernel ends the list.
func dumpSockets(request []byte, handle func(message []byte)) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	head := make([]byte, unix.NLMSG_HDRLEN, unix.NLMSG_HDRLEN+len(request))
	native.PutUint32(head, uint32(cap(head)))
	native.PutUint16(head[4:], unix.SOCK_DIAG_BY_FAMILY)
	native.PutUint16(head[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	// The kernel answers at once; the bound ends a wait for a seccomp supervisor that does not.
	unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 200_000})
	if unix.Sendto(fd, append(head, request...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}) != nil {
		return
	}
	for readDump(fd, handle) {
	}
}

// readDump reads one datagram of a list, and reports whether more follow.
func readDump(fd int, handle func(message []byte)) bool {
	buf := make([]byte, 32<<10) // a datagram of a dump is at most 32 KiB
	n, _, err := unix.Recvfrom(fd, buf, 0)
	if errors.Is(err, unix.EINTR) {
		return true
	}
	if err != nil {
		return false
	}
	messages, err := syscall.ParseNetlinkMessage(buf[:n])
	if err != nil || len(messages) == 0 {
		return false
	}
	for _, m := range messages {
		if m.Header.Type != unix.SOCK_DIAG_BY_FAMILY {
			return false // NLMSG_DONE, NLMSG_ERROR
		}
		handle(m.Data)
	}
	return true
}

// parseAttributes reads the attributes of a message (netlink(7)), up to one that is malformed.
func parseAttributes(b []byte) map[uint16][]byte {
	attributes := make(map[uint16][]byte)
	for len(b) >= unix.SizeofRtAttr {
		size := int(native.Uint16(b))
		if size < unix.SizeofRtAttr || size > len(b) {
			break
		}
		attributes[native.Uint16(b[2:])] = b[unix.SizeofRtAttr:size]
		b = b[min((size+3)&^3, len(b)):]
	}
	return attributes
}
