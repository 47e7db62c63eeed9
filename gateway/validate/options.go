package validate

import "log/slog"

// Options says what becomes of violations. The zero value, and nil, fail the request at the first
// error and write warnings to its error stream. Options must not change once they are in use.
type Options struct {
	// Log takes a record for each violation: at level Error or Warn, but for the one that [New]
	// returns to the gateway, which logs it itself. Nil writes a line to the request's Stderr,
	// unless Report is set. What a goroutine does once its App has returned finds that stream
	// closed on some transports: only Log and Report are sure to be told.
	Log *slog.Logger

	// Report, if not nil, is called for each violation, the one that fails the request included, by
	// whichever goroutine broke the rule and before its call goes on. It may keep what it gets. It
	// must be safe for concurrent use, and must not use the ResponseWriter.
	Report func(*Violation)

	// KeepGoing lets a request go on as if nobody had looked: errors are reported like warnings.
	KeepGoing bool
}
