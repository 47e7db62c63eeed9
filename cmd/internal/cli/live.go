package cli

import (
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// liveInterval is how often a live line changes: often enough to be seen to move.
const liveInterval = 250 * time.Millisecond

// Live shows one line that changes while a verb works, on a terminal only. Its methods must not be
// called at the same time. The zero value shows nothing.
type Live struct {
	w     io.Writer
	next  time.Time
	width int // of what stands there now, in characters
}

// NewLive returns a Live that writes to w if w is a terminal.
func NewLive(w io.Writer) *Live {
	if !IsTerminal(w) {
		return new(Live)
	}
	return &Live{w: w}
}

// Due reports whether the line is shown and old enough to be replaced, so that a caller can leave
// out making one that Show would drop.
func (l *Live) Due(now time.Time) bool { return l.w != nil && !now.Before(l.next) }

// Show replaces the line if it is due.
func (l *Live) Show(now time.Time, line string) {
	if !l.Due(now) {
		return
	}
	l.next = now.Add(liveInterval)
	l.replace(line)
}

// Clear takes the line away, before other output and at the end.
func (l *Live) Clear() {
	if l.w == nil || l.width == 0 {
		return
	}
	l.replace("")
	io.WriteString(l.w, "\r")
}

// replace overwrites what is longer in the old line with spaces.
func (l *Live) replace(line string) {
	width := utf8.RuneCountInString(line)
	rest := max(l.width-width, 0)
	io.WriteString(l.w, "\r"+line+strings.Repeat(" ", rest))
	l.width = width
}
