package cli

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/cgikit/cgikit/gateway/exchange"
)

// Exit statuses of all verbs. The verb request has curl's beside them.
const (
	StatusOK          = 0   // it is so: answered, healthy, all checks passed
	StatusFailure     = 1   // it is not
	StatusUsage       = 2   // the command line is wrong
	StatusInterrupted = 130 // SIGINT or SIGTERM ended the verb
)

// Error is an error of which the verb knows the cure.
type Error struct {
	Err    error
	Hint   string // what the user can do about it, in one line; "" where nothing is known
	Status int    // the exit status
}

// Error implements error.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Usage is a mistake in the command line: exit status 2.
func Usage(err error, hint string) error { return &Error{err, hint, StatusUsage} }

// Failure is a failure of which the cause is known: exit status 1.
func Failure(err error, hint string) error { return &Error{err, hint, StatusFailure} }

// Exit ends the command with a status and without a message: the verb has said everything.
type Exit int

// Error implements error.
func (e Exit) Error() string { return fmt.Sprint("exit status ", int(e)) }

// Status returns the exit status for the error of a verb: that of an Exit or Error in its chain, 0
// for nil, and 1 for any other error.
func Status(err error) int {
	if err == nil {
		return StatusOK
	}
	if exit := Exit(0); errors.As(err, &exit) {
		return int(exit)
	}
	if known := (*Error)(nil); errors.As(err, &known) {
		return known.Status
	}
	return StatusFailure
}

// Hint returns the hint of the first Error in the chain of err that has one, else "".
func Hint(err error) string {
	for known := (*Error)(nil); errors.As(err, &known); err = known.Err {
		if known.Hint != "" {
			return known.Hint
		}
	}
	return ""
}

// Message returns the lines that a user reads of an error of the given program: its text, and its
// hint if it has one. Control characters are made visible. An Exit has no message.
func Message(program string, err error) string {
	if errors.As(err, new(Exit)) {
		return ""
	}
	text := program + ": " + exchange.Printable(err.Error()) + "\n"
	if hint := Hint(err); hint != "" {
		text += "hint: " + exchange.Printable(hint) + "\n"
	}
	return text
}

// WithoutPath is the error of the system in err without the path of the file, for a line that has
// the path already. Any other error is returned as it is.
func WithoutPath(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}
