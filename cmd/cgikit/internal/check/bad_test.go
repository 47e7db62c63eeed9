package check

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/target"
	"github.com/cgikit/cgikit/fastcgi/wire"
)

// badRun is a Run of a target that never ends an answer.
func badRun(t *testing.T, protocol, name string) *Run {
	t.Helper()
	s := &toy{}
	serve := hang
	timeout := quick
	if name == "endless" {
		timeout = slow // the bound of bytes ends it
		part := bytes.Repeat([]byte("X-Endless: yes\r\n"), 1000)
		if protocol == "fastcgi" {
			part = wire.AppendRecord(nil, wire.TypeStdout, 1, part)
		}
		serve = func(c net.Conn) {
			for {
				if _, err := c.Write(part); err != nil {
					return
				}
			}
		}
	}
	tg, err := target.Parse(protocol + "://" + s.start(t, serve))
	if err != nil {
		t.Fatal(err)
	}
	return &Run{Target: tg, Timeout: timeout, Quiet: 10 * time.Millisecond}
}
