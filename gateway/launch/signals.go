package launch

import (
	"context"
	"fmt"
	"os"
	"os/signal"
)

// signals is what a process was asked by its signals.
type signals struct {
	asked    context.Context // ends with the context of Run, or at the first signal
	insisted context.Context // ends at the second signal

	ask, insist context.CancelCauseFunc
	caught      chan os.Signal
	released    chan struct{}
	stopPipes   func()
}

// catchSignals catches the signals that ask the process to end, until release is called. A program
// may have made ctx end by the very signal that is caught here, so the end of ctx does not count as
// one. While signals are caught, writing to a closed pipe is an error and does not end the process.
func catchSignals(ctx context.Context) *signals {
	s := &signals{caught: make(chan os.Signal, 4), released: make(chan struct{})}
	s.asked, s.ask = context.WithCancelCause(ctx)
	s.insisted, s.insist = context.WithCancelCause(context.WithoutCancel(ctx))
	signal.Notify(s.caught, stopSignals()...)
	s.stopPipes = surviveClosedPipes()
	go s.watch()
	return s
}

// watch obeys the signals. A quit signal that is not the first ends the process with a dump of its
// goroutines.
func (s *signals) watch() {
	cancel := s.ask
	for first := true; ; first = false {
		select {
		case sig := <-s.caught:
			if !first && isQuit(sig) {
				dump(sig)
			}
			cancel(fmt.Errorf("signal: %v", sig))
			cancel = s.insist
		case <-s.released:
			return
		}
	}
}

func (s *signals) release() {
	signal.Stop(s.caught)
	s.stopPipes()
	close(s.released)
	s.ask(nil)
	s.insist(nil)
}
