package launch

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"
)

// refused reports whether a peer that sends a request gets no byte.
func refused(t *testing.T, protocol string, addr net.Addr) bool {
	t.Helper()
	conn, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	conn.Write(request(protocol, "/", ""))
	got, err := io.ReadAll(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("%s: no answer, and no end of the connection", protocol)
	}
	return len(got) == 0
}

// TestAllowed: a peer that is not in the list is refused over every protocol, and by both FastCGI
// servers.
func TestAllowed(t *testing.T) {
	t.Setenv("FCGI_WEB_SERVER_ADDRS", "192.0.2.7") // ignored because of the lists
	mine, others := netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("192.0.2.0/24")
	for _, std := range []bool{false, true} {
		for _, protocol := range protocols {
			for name, c := range map[string]Config{
				"listed":     {AllowedPeers: []netip.Prefix{others, mine}},
				"not listed": {AllowedPeers: []netip.Prefix{others}},
				"users only": {AllowedUIDs: []int{os.Getuid()}},
			} {
				c.StdFastCGI = std
				r := run(t, c, protocol+"://127.0.0.1:0")
				addr := at(t, r.log.served(t))
				if name == "listed" {
					if got := ask(t, protocol, addr, "/x"); !strings.HasPrefix(got, "path /x") {
						t.Errorf("%s, %s: got %q", protocol, name, got)
					}
				} else if !refused(t, protocol, addr) {
					t.Errorf("%s, %s: got an answer", protocol, name)
				}
			}
		}
	}
}
