//go:build !unix

package launch

import "os"

func stopSignals() []os.Signal { return []os.Signal{os.Interrupt} }

func isHangup(os.Signal) bool { return false }

func isQuit(os.Signal) bool { return false }

func dumpGoroutines(os.Signal) {}

// catchPipeSignal does nothing: this system has no SIGPIPE.
func catchPipeSignal() (stop func()) { return func() {} }
