package main

import (
	"io"
	"sync"
	"sync/atomic"
)

// logWriter is where a log goes. A line that cannot be written, because the reader has gone or a
// disk is full, costs that line and nothing else: it is counted, and the first loss is told.
type logWriter struct {
	w    io.Writer
	tell func(error) // of the first loss; nil where it cannot be told
	once sync.Once
	lost atomic.Uint64
}

// Write implements io.Writer.
func (l *logWriter) Write(p []byte) (int, error) {
	n, err := l.w.Write(p)
	if err != nil {
		l.lost.Add(1)
		if l.tell != nil {
			l.once.Do(func() { l.tell(err) })
		}
	}
	return n, err
}
