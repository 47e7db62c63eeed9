package launch

import (
	"context"
	"fmt"
	"os"
	"os/signal"
)

// signals has two contexts that end with the signals to the process.
type signals struct {
	first  context.Context // ends with the context of Run, or at the first signal
	second context.Context // ends at the second signal

	endFirst, endSecond context.CancelCauseFunc
	caught              chan os.Signal
	released            chan struct{}
	stopPipes           func()
}

// catchSignals catches the signals that ask the process to end, until release is called. The end of
// ctx does not count as a signal, since a program may end ctx by the same signal that is caught
// here. While signals are caught, writing to a closed pipe is an error and does not end the
// process.
func catchSignals(ctx context.Context) *signals {
	s := &signals{caught: make(chan os.Signal, 4), released: make(chan struct{})}
	s.first, s.endFirst = context.WithCancelCause(ctx)
	s.second, s.endSecond = context.WithCancelCause(context.WithoutCancel(ctx))
	signal.Notify(s.caught, stopSignals()...)
	s.stopPipes = catchPipeSignal()
	go s.watch()
	return s
}

// watch ends first at the first signal and second at the next. If the next one is a quit signal, it
// ends the process with a dump of its goroutines.
func (s *signals) watch() {
	cancel := s.endFirst
	for first := true; ; first = false {
		select {
		case sig := <-s.caught:
			if !first && isQuit(sig) {
				dumpGoroutines(sig)
			}
			cancel(fmt.Errorf("signal: %v", sig))
			cancel = s.endSecond
		case <-s.released:
			return
		}
	}
}

func (s *signals) release() {
	signal.Stop(s.caught)
	s.stopPipes()
	close(s.released)
	s.endFirst(nil)
	s.endSecond(nil)
}
