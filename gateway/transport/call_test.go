package transport

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// pipeCall returns a Call and the application's end of it, for tests under synctest.
func pipeCall(t *testing.T, d *Dialer) (*Call, net.Conn) {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() {
		near.Close()
		far.Close()
	})
	return d.newCall(near), far
}

// wantAfter checks that err is a deadline that passed between want and an eighth more after began.
func wantAfter(t *testing.T, began time.Time, want time.Duration, err error) {
	t.Helper()
	took := time.Since(began)
	if !errors.Is(err, os.ErrDeadlineExceeded) || took < want || took > want+want/8 {
		t.Errorf("got %v after %v; want a deadline after %v", err, took, want)
	}
}

func TestCallReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, far := pipeCall(t, &Dialer{FirstByteTimeout: 10 * time.Second, ReadTimeout: time.Second})
		read := func() error {
			_, err := c.Read(make([]byte, 1))
			return err
		}
		began := time.Now()
		wantAfter(t, began, 10*time.Second, read())
		if c.Answered() {
			t.Error("Answered before there was a byte")
		}
		go far.Write([]byte("ab"))
		if err := errors.Join(read(), read()); err != nil || !c.Answered() {
			t.Errorf("got %v, answered %t", err, c.Answered())
		}
		began = time.Now()
		wantAfter(t, began, time.Second, read())
		c.Begin()
		began = time.Now()
		wantAfter(t, began, 10*time.Second, read())
	})
}

// ReadTimeout bounds the wait for each byte, not the whole body.
func TestCallReadsSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, far := pipeCall(t, &Dialer{FirstByteTimeout: time.Second, ReadTimeout: time.Second})
		const n = 100
		go func() {
			for range n {
				time.Sleep(999 * time.Millisecond)
				far.Write([]byte("x"))
			}
		}()
		if _, err := io.ReadFull(c, make([]byte, n)); err != nil {
			t.Error(err)
		}
	})
}

// While the body is being sent, the application may be silent. FirstByteTimeout begins at its end.
func TestCallWaitsForTheBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := pipeCall(t, &Dialer{FirstByteTimeout: time.Second})
		c.Sending()
		time.AfterFunc(time.Hour, c.Sent)
		began := time.Now()
		_, err := c.Read(make([]byte, 1))
		if took := time.Since(began); !errors.Is(err, os.ErrDeadlineExceeded) || took < time.Hour+time.Second || took > time.Hour+3*time.Second {
			t.Errorf("got %v after %v; want a deadline a second or two after the body", err, took)
		}
	})
}

// WriteTimeout bounds each wait for progress, not the whole write.
func TestCallWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, far := pipeCall(t, &Dialer{WriteTimeout: time.Second})
		const n = 100
		go func() {
			for range n {
				time.Sleep(999 * time.Millisecond)
				far.Read(make([]byte, 1))
			}
		}()
		wrote, err := c.Write(make([]byte, n))
		if wrote != n || err != nil {
			t.Errorf("got %d, %v; want all, however long it takes", wrote, err)
		}
		began := time.Now()
		_, err = c.Write([]byte("x"))
		wantAfter(t, began, time.Second, err)
	})
}

func TestCallWithoutBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, far := pipeCall(t, &Dialer{FirstByteTimeout: -1, ReadTimeout: -1, WriteTimeout: -1})
		go func() {
			time.Sleep(100 * time.Hour)
			io.ReadFull(far, make([]byte, 1))
			time.Sleep(100 * time.Hour)
			far.Write([]byte("x"))
			time.Sleep(100 * time.Hour)
			far.Close()
		}()
		if _, err := c.Write([]byte("x")); err != nil {
			t.Error(err)
		}
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Error(err)
		}
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("got %v; want io.EOF", err)
		}
	})
}

func TestCallDefaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := pipeCall(t, &Dialer{})
		began := time.Now()
		_, err := c.Read(make([]byte, 1))
		wantAfter(t, began, time.Minute, err)
		began = time.Now()
		_, err = c.Write(make([]byte, 1))
		wantAfter(t, began, time.Minute, err)
	})
}

// A busy connection seldom sets a deadline.
func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d deadline
		moves := 0
		for range 60_000 { // a minute
			until, move := d.renew(time.Minute)
			if wait := time.Until(until); wait < time.Minute || wait > time.Minute+time.Minute/8 {
				t.Fatalf("got a wait of %v; want a minute, or an eighth more", wait)
			}
			if move {
				moves++
			}
			time.Sleep(time.Millisecond)
		}
		if moves != 8 {
			t.Errorf("moved %d times in a minute; want 8", moves)
		}
		if until, move := d.renew(time.Second); !move || time.Until(until) > 1125*time.Millisecond {
			t.Error("a shorter timeout kept the deadline of a longer")
		}
		if until, move := d.renew(0); !move || !until.IsZero() {
			t.Error("no timeout kept a deadline")
		}
		if _, move := d.renew(0); move {
			t.Error("no timeout moved no deadline")
		}
	})
}

// TestCallReadNow: ReadNow fills both slices with what has arrived, and does not wait for more.
func TestCallReadNow(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only on Linux")
	}
	near, far := connPair(t, "unix")
	c := new(Dialer).newCall(near)
	p, q := make([]byte, 3), make([]byte, 5)
	for _, test := range []struct{ sent, first, second string }{
		{"", "", ""}, {"ab", "ab", ""}, {"abcde", "abc", "de"}, {"abcdefgh", "abc", "defgh"}, {"", "", ""},
	} {
		if _, err := io.WriteString(far, test.sent); err != nil {
			t.Fatal(err)
		}
		n := c.ReadNow(p, q)
		first := min(n, len(p))
		if string(p[:first]) != test.first || string(q[:n-first]) != test.second {
			t.Errorf("%q: got %q and %q", test.sent, p[:first], q[:n-first])
		}
	}
	far.Close()
	if n := c.ReadNow(p, q); n != 0 {
		t.Errorf("got %d bytes at the end", n)
	}
}
