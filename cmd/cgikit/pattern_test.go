package main

import "sync"

// pattern is an endless file in which no block is like the next: 0 to 250, and again.
type pattern struct{ at int64 }

const period = 251

// periods has the pattern often enough for a large read from any place in it.
var periods = sync.OnceValue(func() []byte {
	b := make([]byte, 256*period)
	for i := range b {
		b[i] = byte(i % period)
	}
	return b
})

func (p *pattern) Read(b []byte) (int, error) {
	n := copy(b, periods()[p.at%period:])
	p.at += int64(n)
	return n, nil
}
