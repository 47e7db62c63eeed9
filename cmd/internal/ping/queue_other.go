//go:build !linux

package ping

import "github.com/cgikit/cgikit/cmd/internal/target"

// readQueue knows no queue: only Linux reports it.
func readQueue(target.Target) Queue { return Queue{} }
