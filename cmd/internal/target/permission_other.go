//go:build !unix

package target

// socketPermissions says why this user may not connect to a unix socket.
func socketPermissions(string) string { return "this user may not use the socket" }
