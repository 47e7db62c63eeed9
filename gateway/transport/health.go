package transport

import (
	"slices"
	"sync"
	"time"
)

// Health remembers which addresses of a Dialer could not be reached, so that not every request
// waits for an address that is down. It learns from the connections of requests only, and sends
// nothing by itself. The zero value is ready. The methods of Dialers with the same Health may be
// called at the same time.
//
// An address that could not be reached is tried last for 5 seconds. It is still tried then: a
// request fails only if all addresses fail. After that time one request tries the address in its
// old place again, while the others still try it last. If it accepts, all requests use it again.
type Health struct {
	mu     sync.Mutex
	failed map[string]time.Time // by address: when one request may try it in its place again
}

// failurePause is how long an address that could not be reached is tried last. Less would make
// requests wait for a host that drops packets, one for each pause. nginx's fail_timeout is 10
// seconds, HAProxy's check interval 2.
const failurePause = 5 * time.Second

// order returns addrs with those last that could not be reached. The address that leads because its
// pause is over has the pause extended, so that no other request waits for it too.
func (h *Health) order(addrs []string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.failed) == 0 {
		return addrs
	}
	now := time.Now()
	var first, last []string
	for _, addr := range addrs {
		if retry, ok := h.failed[addr]; ok && now.Before(retry) {
			last = append(last, addr)
		} else {
			first = append(first, addr)
		}
	}
	ordered := slices.Concat(first, last)
	if _, ok := h.failed[ordered[0]]; ok {
		h.failed[ordered[0]] = now.Add(failurePause)
	}
	return ordered
}

// note records whether an address accepted a connection.
func (h *Health) note(addr string, reached bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if reached {
		delete(h.failed, addr)
		return
	}
	if h.failed == nil {
		h.failed = make(map[string]time.Time)
	}
	h.failed[addr] = time.Now().Add(failurePause)
}
