package transport

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// addressBook makes connections in memory, and records the addresses that were tried.
type addressBook struct {
	down  map[string]error // by address: why it cannot be reached
	tried []string
}

func (b *addressBook) connect(_ context.Context, _, address string) (net.Conn, error) {
	b.tried = append(b.tried, address)
	if err := b.down[address]; err != nil {
		return nil, err
	}
	ours, theirs := net.Pipe()
	theirs.Close()
	return ours, nil
}

// TestHealth: an address that could not be reached is tried last for 5 seconds, and then by one
// request in its place. It is used again as soon as it accepts.
func TestHealth(t *testing.T) {
	const a, b, c = "10.0.0.1:9000", "10.0.0.2:9000", "10.0.0.3:9000"
	refused := map[string]error{a: syscall.ECONNREFUSED}
	all := map[string]error{a: syscall.ECONNREFUSED, b: syscall.ECONNREFUSED, c: syscall.ECONNREFUSED}
	synctest.Test(t, func(t *testing.T) {
		book := &addressBook{}
		d := &Dialer{Protocol: "scgi", Addr: a, Fallback: []string{b, c}, Health: new(Health), Connect: book.connect}
		for i, step := range []struct {
			wait time.Duration
			down map[string]error
			want string // addresses tried
		}{
			{0, nil, a},
			{0, refused, a + " " + b},
			{0, refused, b},
			{failurePause - time.Second, refused, b},
			{time.Second, refused, a + " " + b}, // one request tries it again
			{0, refused, b},
			{0, all, b + " " + c + " " + a}, // a request fails only if all addresses fail
			{0, nil, a},                     // of addresses that all failed, the order is as configured
			{0, nil, a},
			{0, map[string]error{a: syscall.EMFILE}, a + " " + b}, // no fault of the address
			{0, nil, a},
		} {
			time.Sleep(step.wait)
			book.down, book.tried = step.down, nil
			call, err := d.Dial(t.Context())
			if err == nil {
				call.Close()
			}
			if got := strings.Join(book.tried, " "); got != step.want {
				t.Errorf("step %d: tried %s, %v; want %s", i, got, err, step.want)
			}
		}
	})
}

// TestHealthOneWaits: after the pause, one request alone waits for an address that drops packets.
func TestHealthOneWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := new(Health)
		h.note("slow", false)
		time.Sleep(failurePause)
		addrs := []string{"slow", "good"}
		if got := h.order(addrs); !slices.Equal(got, addrs) {
			t.Errorf("first request: got %q; want %q", got, addrs)
		}
		if got, want := h.order(addrs), []string{"good", "slow"}; !slices.Equal(got, want) {
			t.Errorf("second request: got %q; want %q", got, want)
		}
	})
}

// TestHealthGivenUp: a request whose context ends says nothing of the address.
func TestHealthGivenUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d := &Dialer{Protocol: "scgi", Addr: "10.0.0.1:1", Fallback: []string{"10.0.0.2:1"}, Health: new(Health)}
	d.Connect = func(ctx context.Context, _, _ string) (net.Conn, error) {
		cancel()
		return nil, errors.New("given up")
	}
	if _, err := d.Dial(ctx); err == nil || len(d.Health.failed) != 0 {
		t.Errorf("got %v, failed %v; want an error and no address", err, d.Health.failed)
	}
}
