package trace

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// Replay sends the bytes of a vector over conn, and tells the Sink what is sent and what is
// answered. It returns when every request that the bytes begin has been answered, or the
// application has closed the connection. The context bounds it. It closes conn.
func Replay(ctx context.Context, conn net.Conn, protocol string, vector []byte, sink Sink) error {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	start := time.Now()
	d := newDecoder(protocol, 1, sink)
	d.feed(ToApp, vector, 0)
	sent := make(chan error, 1)
	go func() {
		_, err := conn.Write(vector)
		sent <- err
	}()
	err := readAnswers(conn, d, start)
	conn.SetDeadline(time.Unix(1, 0)) // what is not sent now is not wanted
	if sendErr := <-sent; err == nil && sendErr != nil && !d.idle() {
		err = sendErr
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil {
		err = ctx.Err()
	}
	return err
}

func newDecoder(protocol string, conn int, sink Sink) decoder {
	if protocol == "scgi" {
		return newSCGI(conn, sink)
	}
	return newFastCGI(conn, sink)
}

// readAnswers reads until no request is open, or the end.
func readAnswers(conn net.Conn, d decoder, start time.Time) error {
	buf := make([]byte, copyBuffer)
	for {
		n, err := conn.Read(buf)
		if n > 0 {
			d.feed(ToServer, buf[:n], time.Since(start))
		}
		if errors.Is(err, io.EOF) {
			d.close(ToServer, nil, time.Since(start))
			return nil
		}
		if err != nil || d.idle() {
			return err
		}
	}
}
