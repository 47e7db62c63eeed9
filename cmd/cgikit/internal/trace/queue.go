package trace

import (
	"sync"
	"time"
)

// piece is what one read has returned. The goroutine that has read it keeps data until the piece is
// decoded.
type piece struct {
	d    Direction
	data []byte
	at   time.Duration // since the trace began
}

// queue has the pieces of a link in the order in which they were read. Each direction has at most
// one: its next read follows the decoding of the last one.
type queue struct {
	mu     sync.Mutex
	pieces [2]piece
	n      int
}

func (q *queue) add(p piece) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pieces[q.n] = p
	q.n++
}

// pop removes and returns the first piece.
func (q *queue) pop() (first piece, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.n == 0 {
		return piece{}, false
	}
	first = q.pieces[0]
	q.pieces[0], q.pieces[1] = q.pieces[1], piece{}
	q.n--
	return first, true
}

func (q *queue) isEmpty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.n == 0
}
