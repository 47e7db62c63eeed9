//go:build linux

package main

import (
	"encoding/binary"
	"fmt"
)

// tally follows the records of a connection as their bytes come, and only counts: a client that
// does more would be measured itself.
type tally struct {
	head  [8]byte
	have  int   // bytes of head
	left  int   // bytes of the record that are to come
	body  int64 // content of STDOUT, heads among it
	ended int   // requests
}

// take counts the next bytes.
func (t *tally) Take(p []byte) error {
	for len(p) > 0 {
		if t.left > 0 {
			n := min(t.left, len(p))
			t.left -= n
			p = p[n:]
			continue
		}
		n := copy(t.head[t.have:], p)
		p = p[n:]
		if t.have += n; t.have == len(t.head) {
			t.have = 0
			if err := t.begin(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tally) begin() error {
	length := int(binary.BigEndian.Uint16(t.head[4:]))
	t.left = length + int(t.head[6])
	switch {
	case t.head[0] != 1:
		return fmt.Errorf("the server broke the connection, with %q", t.head)
	case t.head[1] == stdout:
		t.body += int64(length)
	case t.head[1] == endRequest:
		t.ended++
	}
	return nil
}

// whole reports whether so many requests have ended and nothing is under way.
func (t *tally) whole(requests int) bool { return t.ended == requests && t.left == 0 && t.have == 0 }

// next makes a tally the answer of a load.
func (t *tally) Next() bool {
	if !t.whole(1) {
		return false
	}
	t.ended = 0
	return true
}
