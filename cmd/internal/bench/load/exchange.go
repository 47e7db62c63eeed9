package load

import (
	"cmp"
	"errors"
	"net"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/load"
)

// Exchange sends the request over a connection of the caller, and returns when the response is
// whole. It fails if that takes 10 seconds or the response is wrong. The connection stays open.
func (l Load) Exchange(conn net.Conn) error {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := conn.Write(l.Request); err != nil {
		return err
	}
	var r receiver
	decoder := l.Decoder()
	decoder.Reset()
	for buf := make([]byte, 4096); !r.whole; {
		n, err := conn.Read(buf)
		if err == nil {
			err = decoder.Decode(buf[:n], &r)
		}
		if err = cmp.Or(err, r.err); err != nil {
			return err
		}
	}
	return nil
}

// receiver is told of one response.
type receiver struct {
	whole bool
	err   error
}

// ReceiveFirst implements load.Receiver.
func (r *receiver) ReceiveFirst(int) bool { return !r.whole }

// ReceiveAnswer implements load.Receiver.
func (r *receiver) ReceiveAnswer(int, load.Answer) { r.whole = true }

// ReceiveError implements load.Receiver.
func (r *receiver) ReceiveError(_ int, kind string) { r.err = errors.New(kind) }
