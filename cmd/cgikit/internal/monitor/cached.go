package monitor

import (
	"sync"
	"time"
)

// Cached is a value that is fetched at most once in a second, and never twice at the same time: who
// asks meanwhile waits for the same value. It is safe for concurrent use and must not be copied.
type Cached[T any] struct {
	// Fetch returns the value. It must end by itself after a bounded time. It must be set.
	Fetch func() T

	mu    sync.Mutex
	value T
	until time.Time
}

// fresh is how long a value is used.
const fresh = time.Second

// Get returns the value.
func (c *Cached[T]) Get() T {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !time.Now().Before(c.until) {
		c.value = c.Fetch()
		c.until = time.Now().Add(fresh)
	}
	return c.value
}
