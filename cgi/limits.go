package cgi

import "time"

// Limits bounds the resources of each script by setrlimit(2). The soft and the hard limit are the
// same, so that the script cannot raise them. Zero keeps the limit of this process. Child processes
// of the script inherit the limits, but each process is counted separately.
//
// Limits work on Linux only: on other systems a script with Limits does not start. They hold from
// the first instruction of the script on, with the exceptions that child.Command documents.
type Limits struct {
	CPU      time.Duration // RLIMIT_CPU: processor time, rounded up to seconds
	Memory   uint64        // RLIMIT_AS: address space, in bytes
	FileSize uint64        // RLIMIT_FSIZE: size of a written file, in bytes
	Files    uint64        // RLIMIT_NOFILE: one more than the largest descriptor
	// RLIMIT_NPROC: all processes and threads of the script's user, not only those of the script;
	// root has no limit
	Processes uint64
}
