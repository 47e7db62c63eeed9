package launch

import (
	"context"
	"fmt"
	"os"
	"os/signal"
)

// signals has contexts that end with the signals to the process.
type signals struct {
	first  context.Context // ends with the context of Run, or at the first signal
	delay  context.Context // ends with DrainDelay, or at the second signal
	second context.Context // ends at the next signal after those of first and delay

	endFirst, endDelay, endSecond context.CancelCauseFunc

	reload    func() // called at a hangup; nil if that asks the process to end
	caught    chan os.Signal
	released  chan struct{}
	stopPipes func()
}

// catchSignals catches the signals that ask the process to end, until release is called. The end of
// ctx does not count as a signal, since a program may end ctx by the same signal that is caught
// here. A program without a delay has no use for its context, which has then ended from the
// beginning. While signals are caught, writing to a closed pipe is an error and does not end the
// process.
func catchSignals(ctx context.Context, hasDelay bool, reload func()) *signals {
	s := &signals{reload: reload, caught: make(chan os.Signal, 4), released: make(chan struct{})}
	s.first, s.endFirst = context.WithCancelCause(ctx)
	s.delay, s.endDelay = context.WithCancelCause(context.WithoutCancel(ctx))
	if !hasDelay {
		s.endDelay(nil)
	}
	s.second, s.endSecond = context.WithCancelCause(context.WithoutCancel(ctx))
	signal.Notify(s.caught, stopSignals()...)
	s.stopPipes = catchPipeSignal()
	go s.watch()
	return s
}

// watch ends first at the first signal, delay at the next one if it has not ended, and then second.
// If the last one is a quit signal, it ends the process with a dump of its goroutines.
func (s *signals) watch() {
	for first := true; ; {
		select {
		case sig := <-s.caught:
			if s.reload != nil && isHangup(sig) {
				s.reload()
				continue
			}
			s.handle(sig, first)
			first = false
		case <-s.released:
			return
		}
	}
}

func (s *signals) handle(sig os.Signal, first bool) {
	cause := fmt.Errorf("signal: %v", sig)
	switch {
	case first:
		s.endFirst(cause)
	case s.delay.Err() == nil:
		s.endDelay(cause)
	case isQuit(sig):
		dumpGoroutines(sig)
	default:
		s.endSecond(cause)
	}
}

func (s *signals) release() {
	signal.Stop(s.caught)
	s.stopPipes()
	close(s.released)
	s.endFirst(nil)
	s.endDelay(nil)
	s.endSecond(nil)
}
