package load

import (
	"fmt"

	"github.com/cgikit/cgikit/cmd/internal/load"
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
		Decoder:   func() load.Decoder { return &load.Closed{Tail: []byte(tail)} },
		Reconnect: true,
	}
}
