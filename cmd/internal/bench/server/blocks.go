package server

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"

	"github.com/cgikit/cgikit/gateway"
)

const fileHead = "Status: 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n"

// serveBlocks answers with the file, in records of so many bytes: each is read into the buffer that
// has its header, and written with it.
func serveBlocks(l net.Listener, args []string) error {
	return serveFile(l, args, func(c net.Conn, f *os.File, size int) error {
		buf := make([]byte, 8+size)
		for {
			n, err := f.Read(buf[8:])
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			putHeader(buf, n)
			if _, err := c.Write(buf[:8+n]); err != nil {
				return err
			}
		}
	})
}

// serveSendfile answers with the file in records of so many bytes, which sendfile sends after their
// headers. A third argument leaves a unix socket the buffer that the system gives it.
func serveSendfile(l net.Listener, args []string) error {
	return serveFile(l, args, func(c net.Conn, f *os.File, size int) error {
		if u, ok := c.(*net.UnixConn); ok && len(args) == 2 {
			// The system's limit may be lower.
			if err := u.SetWriteBuffer(1 << 20); err != nil {
				return err
			}
		}
		info, err := f.Stat()
		if err != nil {
			return err
		}
		var head [8]byte
		for left := info.Size(); left > 0; {
			n := min(left, int64(size))
			putHeader(head[:], int(n))
			if err := writeMore(c, head[:]); err != nil {
				return err
			}
			if sent, err := gateway.SendFile(c, f, n, nil); err != nil || sent != n {
				return fmt.Errorf("sent %d of %d: %w", sent, n, err)
			}
			left -= n
		}
		return nil
	})
}

func putHeader(buf []byte, length int) {
	copy(buf, []byte{1, stdout, 0, 1, 0, 0, 0, 0})
	binary.BigEndian.PutUint16(buf[4:], uint16(length))
}

// serveFile takes the first bytes of a connection for a request, which send answers. args are the
// file and the size of a record.
func serveFile(l net.Listener, args []string, send func(c net.Conn, f *os.File, size int) error) error {
	size, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	return serveEach(l, func(c net.Conn) error {
		f, err := os.Open(args[0])
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := c.Read(make([]byte, 4096)); err != nil {
			return err
		}
		if _, err := c.Write(appendRecord(nil, stdout, 1, fileHead)); err != nil {
			return err
		}
		if err := send(c, f, size); err != nil {
			return err
		}
		_, err = c.Write(appendAnswer(nil, 1, "")[8:])
		return err
	})
}
