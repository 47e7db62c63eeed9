package validate

import "log/slog"

// Options tell how violations are reported and whether they fail the request. The zero value and
// nil fail the request at the first error and write warnings to its error stream. Options must not
// change while they are in use.
type Options struct {
	// Log gets a record for each violation, at level Error or Warn. It gets none for the violation
	// that the App of [New] returns, since the gateway logs that. If Log is nil, a line is written
	// to the request's Stderr, unless Report is set. On some transports Stderr is closed when the
	// App has returned. A later violation by a goroutine of the App then reaches only Log and
	// Report.
	Log *slog.Logger

	// Report, if not nil, is called for each violation, also for the one that fails the request, in
	// the goroutine that broke the rule and before its call continues. It may keep the Violation.
	// It must be safe for concurrent use, and must not use the ResponseWriter.
	Report func(*Violation)

	// KeepGoing means that no violation fails the request: errors are only reported, like warnings.
	KeepGoing bool
}
