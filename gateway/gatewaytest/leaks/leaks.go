// Package leaks fails a package's tests when goroutines are still running after them: a stopped
// server must have no goroutine left.
//
// It serves this module's own tests, in gateway, cgi, scgi, fastcgi and cmd. Authors of other
// gateways need gatewaytest only.
package leaks

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// grace is how long goroutines may take to end, on a busy machine and under the race detector.
const grace = 5 * time.Second

var stderr = os.Stderr // the process's, also after Quiet

// Quiet sets os.Stderr to the null device. A server whose protocol has no error stream gives its
// App os.Stderr, and a suite writes more there than a reader wants to see. Call it before Run. A
// panic still prints its stacks.
func Quiet() {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		panic(err)
	}
	os.Stderr = null
}

// Run runs the tests of m and returns the status for os.Exit. If they pass but goroutines are still
// running 5 seconds later, it writes their stacks to standard error and returns 1.
//
//	func TestMain(m *testing.M) { os.Exit(leaks.Run(m)) }
func Run(m *testing.M) int {
	code := m.Run()
	if code != 0 {
		return code
	}
	if left := Left(grace); left != "" {
		fmt.Fprintf(stderr, "goroutines are still running:\n%s\n", left)
		return 1
	}
	return 0
}

// Left waits until no goroutine is left but the calling one and the one by which the runtime
// delivers signals, and then returns "". After patience it returns the stacks of those that are
// left.
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
	for _, stack := range all[1:] { // the first stack is that of the caller
		if !strings.Contains(stack, "os/signal.loop()") {
			left = append(left, stack)
		}
	}
	return strings.Join(left, "\n\n")
}
