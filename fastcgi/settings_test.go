package fastcgi

import (
	"testing"
	"time"
)

// Zero and negative fields of a Client have their documented meanings.
func TestClientDefaults(t *testing.T) {
	zero := (&Client{}).settings()
	none := (&Client{WaitTimeout: -1, IdleTimeout: -1, DialTimeout: -1, WriteTimeout: -1, FirstByteTimeout: -1, ReadTimeout: -1}).settings()
	for _, f := range []struct {
		name       string
		zero, none time.Duration
		want       time.Duration
	}{
		{"WaitTimeout", zero.WaitTimeout, none.WaitTimeout, time.Minute},
		{"IdleTimeout", zero.IdleTimeout, none.IdleTimeout, 10 * time.Second},
		{"DialTimeout", zero.Dialer.DialTimeout, none.Dialer.DialTimeout, 10 * time.Second},
		{"WriteTimeout", zero.Dialer.WriteTimeout, none.Dialer.WriteTimeout, time.Minute},
		{"FirstByteTimeout", zero.Dialer.FirstByteTimeout, none.Dialer.FirstByteTimeout, time.Minute},
		{"ReadTimeout", zero.Dialer.ReadTimeout, none.Dialer.ReadTimeout, time.Minute},
	} {
		if f.zero != f.want || f.none >= 0 {
			t.Errorf("%s: zero is %v and negative %v; want %v and no bound", f.name, f.zero, f.none, f.want)
		}
	}
	if zero.Role != RoleResponder || zero.MaxConns != 0 || zero.MaxStderr != 1<<20 || (&Client{MaxStderrBytes: -1}).settings().MaxStderr >= 0 {
		t.Errorf("got %+v", zero)
	}
}

// No connection is kept without MaxIdleConns or Multiplex.
func TestClientKeeps(t *testing.T) {
	for _, test := range []struct {
		client *Client
		want   int
	}{
		{&Client{}, 0}, {&Client{MaxIdleConns: -1}, -1}, {&Client{MaxIdleConns: 3}, 3},
		{&Client{Multiplex: true}, 1}, {&Client{Multiplex: true, MaxIdleConns: -1}, 1}, {&Client{Multiplex: true, MaxIdleConns: 3}, 3},
	} {
		if got := test.client.settings().MaxIdleConns; got != test.want {
			t.Errorf("MaxIdleConns %d, Multiplex %t: keeps %d; want %d", test.client.MaxIdleConns, test.client.Multiplex, got, test.want)
		}
	}
}
