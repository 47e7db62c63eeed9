package load

import (
	"bytes"
	"fmt"
)

// SCGI returns a load of GETs with nginx's variables at a unix socket. Each goes over a connection
// of its own, as the protocol has it; tail is what each response ends with.
func SCGI(addr string, set map[string]string, tail string) Load {
	head := "CONTENT_LENGTH\x000\x00SCGI\x001\x00"
	for _, v := range Variables(set) {
		if v[0] != "CONTENT_LENGTH" {
			head += v[0] + "\x00" + v[1] + "\x00"
		}
	}
	return Load{
		Network:   "unix",
		Addr:      addr,
		Request:   fmt.Appendf(nil, "%d:%s,", len(head), head),
		Answer:    func() Answer { return &closedAnswer{tail: []byte(tail)} },
		Reconnect: true,
	}
}

// closedAnswer follows responses that end with their connection.
type closedAnswer struct {
	tail []byte // what a whole one ends with
	got  []byte // the last bytes that came, as many as tail has at least
}

func (a *closedAnswer) Take(p []byte) error {
	a.got = append(a.got, p...)
	if n := len(a.got) - 4096 - len(a.tail); n > 0 {
		a.got = append(a.got[:0], a.got[n:]...)
	}
	return nil
}

func (a *closedAnswer) Next() bool { return a.End() == nil }

func (a *closedAnswer) End() error {
	if !bytes.HasSuffix(a.got, a.tail) {
		return unexpected(a.got)
	}
	a.got = a.got[:0]
	return nil
}
