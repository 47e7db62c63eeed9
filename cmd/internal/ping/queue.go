package ping

import (
	"fmt"

	"github.com/cgikit/cgikit/cmd/internal/target"
)

// Queue is how many connections wait at a socket until the application accepts them, as the kernel
// of this machine knows it. A connection of the probe that still waits is one of them.
type Queue struct {
	Known   bool // false on another machine, in another network namespace, and off Linux
	Waiting int
	Limit   int // at which the kernel refuses further ones: the backlog of listen(2)
}

// ReadQueue returns the queue of the socket of a FastCGI or SCGI target.
func ReadQueue(t target.Target) Queue { return readQueue(t) }

func (q Queue) full() bool { return q.Known && q.Waiting > 0 && q.Waiting >= q.Limit }

// String is such as "queue 7 of 511".
func (q Queue) String() string {
	if !q.Known {
		return "queue unknown"
	}
	return fmt.Sprintf("queue %d of %d", q.Waiting, q.Limit)
}
