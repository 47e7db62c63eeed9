package cgi

// ending is how a script ended.
type ending struct {
	status     int    // the exit status; unknownStatus for an end by a signal
	text       string // the same in words
	brokenPipe bool   // the signal was SIGPIPE
}
