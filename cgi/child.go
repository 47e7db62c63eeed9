package cgi

// ending is how a script ended.
type ending struct {
	status int    // the exit status, -1 for a death by a signal
	text   string // the same in words
}
