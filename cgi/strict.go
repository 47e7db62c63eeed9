package cgi

import "github.com/cgikit/cgikit/gateway"

// A program of Serve signals a late failure by its exit status. RFC 3875 gives the exit status no
// meaning, and other programs exit with any status. So the status is used only if both sides agree:
// Script sets strictVariable in the environment of every script, and a script that sees it may send
// strictField with the value 1 in its head. Then its response is broken unless its exit status is
// 0. The field is never passed on.
const (
	strictVariable = "CGIKIT_STRICT_EXIT"
	strictField    = "X-CGI-Strict-Exit"
	strictValue    = "1"
)

// removeStrictExit removes strictField, and reports whether its value was 1.
func removeStrictExit(resp *gateway.Response) bool {
	value, sent := resp.Headers.Lookup(strictField)
	if sent {
		resp.Headers.Del(strictField)
	}
	return value == strictValue
}
