package main

import (
	"io"
	"sync"
	"sync/atomic"
)

// logWriter writes a log. When a line cannot be written, because the reader has gone or a disk is
// full, only that line is lost. It counts the lost lines and reports the first one.
type logWriter struct {
	w    io.Writer
	tell func(error) // called for the first lost line; may be nil
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
