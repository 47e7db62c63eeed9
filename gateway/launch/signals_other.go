//go:build !unix

package launch

import "os"

func stopSignals() []os.Signal { return []os.Signal{os.Interrupt} }

func isQuit(os.Signal) bool { return false }

func dump(os.Signal) {}

// surviveClosedPipes does nothing: there is no SIGPIPE.
func surviveClosedPipes() (stop func()) { return func() {} }
