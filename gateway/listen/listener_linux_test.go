package listen

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway/internal/nettest"
)

func TestUnixAbstract(t *testing.T) {
	addr := "unix:@cgikit-test-" + strconv.Itoa(os.Getpid())
	l := listenOn(t, addr)
	nettest.Connect(t, l)
	if _, err := ListenFor("scgi", addr); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("second listener: got %v; want it in use", err)
	}
}
