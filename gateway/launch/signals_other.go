//go:build !unix

package launch

import "os"

func stopSignals() []os.Signal { return []os.Signal{os.Interrupt} }
