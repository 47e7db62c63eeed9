package child

// Exit describes how a process ended.
type Exit struct {
	Status     int    // the exit status; UnknownStatus after a signal
	Text       string // the same in words
	BrokenPipe bool   // the signal was SIGPIPE
}

// UnknownStatus is the exit status of a process whose status is not known, or that a signal has
// ended.
const UnknownStatus = -1
