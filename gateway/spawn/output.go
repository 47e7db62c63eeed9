package spawn

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// output reads what a worker writes to standard output and standard error, logs each line, and
// keeps the last ones.
type output struct {
	pipe  *os.File
	pid   int
	log   *slog.Logger
	ended chan struct{}

	mu    sync.Mutex
	bytes uint64   // read so far
	last  []string // the last lines, without empty ones
}

const (
	maxLine  = 4 << 10 // a longer line is logged in parts
	maxLines = 3       // of the last output in an error
	maxLast  = 300     // bytes of each of them
)

func newOutput(pipe *os.File, pid int, log *slog.Logger) *output {
	return &output{pipe: pipe, pid: pid, log: log, ended: make(chan struct{})}
}

// copy reads to the end of the output.
func (o *output) copy() {
	defer close(o.ended)
	defer o.pipe.Close()
	buf, kept := make([]byte, maxLine), 0
	for {
		n, err := o.pipe.Read(buf[kept:])
		kept = o.logLines(buf[:kept+n], n, err != nil)
		if err != nil {
			return
		}
	}
}

// logLines logs the lines at the start of buf, of which n bytes are new. It moves the part of a
// line that remains to the start, and returns its length.
func (o *output) logLines(buf []byte, n int, all bool) (kept int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes += uint64(n)
	rest := buf
	for {
		line, after, found := bytes.Cut(rest, []byte("\n"))
		if !found && !all && len(rest) < maxLine {
			return copy(buf, rest)
		}
		o.add(string(line))
		if rest = after; !found {
			return 0
		}
	}
}

func (o *output) add(line string) {
	line = strings.TrimSpace(line)
	if line == "" {
		return
	}
	o.log.Info(fmt.Sprintf("worker %d: %s", o.pid, line))
	o.last = append(o.last, line[:min(len(line), maxLast)])
	o.last = o.last[max(len(o.last)-maxLines, 0):]
}

// wait waits for the end of the output, and after the grace it closes the pipe.
func (o *output) wait(grace time.Duration) {
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-o.ended:
	case <-timer.C:
		o.pipe.Close()
		<-o.ended
	}
}

// read returns the number of bytes read, and the last lines.
func (o *output) read() (n uint64, last string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes, strings.Join(o.last, "; ")
}
