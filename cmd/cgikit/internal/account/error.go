package account

import "fmt"

// AccessError reports what a user may not do.
type AccessError struct {
	UID    uint32
	Path   string // of the file, or of a folder on the way to it
	Action string // "enter" a folder, "execute" or "read" a file
}

// Error names the user by its id.
func (e *AccessError) Error() string {
	return fmt.Sprintf("user %d may not %s %.200q", e.UID, e.Action, e.Path)
}
