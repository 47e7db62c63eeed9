package cgi

import "time"

// Limits bounds what each script may use, as setrlimit(2) does: the soft and the hard bound are
// one, which the script cannot raise. Zero leaves a bound as it is in this process. What the script
// starts inherits them, but each process has its own counts.
//
// Linux only: elsewhere no script starts with bounds. They are set by prlimit(2) as soon as the
// script's number is known, so its first instructions, and in rare cases a process that it starts
// with them, run without.
type Limits struct {
	CPU      time.Duration // RLIMIT_CPU: time on the processor, rounded up to seconds
	Memory   uint64        // RLIMIT_AS: address space, in bytes
	FileSize uint64        // RLIMIT_FSIZE: of a file that is written, in bytes
	Files    uint64        // RLIMIT_NOFILE: one more than the largest descriptor
	// RLIMIT_NPROC: processes and threads of the script's user, those of others included; root has
	// no bound
	Processes uint64
}
