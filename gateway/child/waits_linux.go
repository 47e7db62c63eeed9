//go:build amd64 || arm64 || arm || riscv64 || loong64 || ppc64 || ppc64le

package child

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Waits reports whether the process is blocked in accept(2) on descriptor 0, so that it has no
// request. It is false if that is not known, and for programs that wait in another way.
func (c *Child) Waits() bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", c.PID))
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 2 || fields[1] != "0x0" {
		return false
	}
	return fields[0] == fmt.Sprint(unix.SYS_ACCEPT) || fields[0] == fmt.Sprint(unix.SYS_ACCEPT4)
}
