package main

import "sync"

// pattern is an endless file of the bytes 0 to 250, repeated, so that consecutive blocks differ.
type pattern struct{ at int64 }

const period = 251

// periods repeats the pattern, so that one large read can begin anywhere.
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
