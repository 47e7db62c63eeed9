// Package leaks fails a package's tests when they leave goroutines behind: a server that was
// stopped must have stopped.
//
// It is equipment of this module's own tests, in gateway, cgi, scgi, fastcgi and cmd; authors of
// other gateways need gatewaytest only.
package leaks

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// grace is how long goroutines that are about to end may take for it, on a busy machine and under
// the race detector.
const grace = 5 * time.Second

// Run runs the tests of m and returns the status for os.Exit. When they passed but goroutines are
// left 5 seconds later, it writes their stacks to standard error and returns 1.
//
//	func TestMain(m *testing.M) { os.Exit(leaks.Run(m)) }
func Run(m *testing.M) int {
	code := m.Run()
	if code != 0 {
		return code
	}
	if left := Left(grace); left != "" {
		fmt.Fprintf(os.Stderr, "goroutines are left behind:\n%s\n", left)
		return 1
	}
	return 0
}

// Left returns the stacks of all goroutines but the calling one and the one that the runtime
// delivers signals by, once none of them is left, which is "", or the patience is over.
func Left(patience time.Duration) string {
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		left := others()
		if left == "" || time.Now().After(end) {
			return left
		}
	}
}

func others() string {
	buf := make([]byte, 1<<20)
	all := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
	var left []string
	for _, stack := range all[1:] { // the first is the calling one
		if !strings.Contains(stack, "os/signal.loop()") {
			left = append(left, stack)
		}
	}
	return strings.Join(left, "\n\n")
}
