package cgi

// exitState describes how a script ended.
type exitState struct {
	status     int    // the exit status; unknownStatus after a signal
	text       string // the same in words
	brokenPipe bool   // the signal was SIGPIPE
}
