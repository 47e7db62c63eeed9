package cgi

import "github.com/cgikit/cgikit/gateway"

// A program of Serve tells a late failure by its exit status. Other programs exit with any status,
// to which RFC 3875 gives no meaning, so the status counts only where both sides say so: Script
// sets strictVariable in the environment of every script, and a script that sees it may send
// strictField with its head, the value 1, by which it asks for a response that is broken unless its
// exit status is 0. The field is never passed on.
const (
	strictVariable = "CGIKIT_STRICT_EXIT"
	strictField    = "X-CGI-Strict-Exit"
	strictValue    = "1"
)

// takeStrictExit removes strictField, and reports whether the script asked for what it means.
func takeStrictExit(resp *gateway.Response) bool {
	value, sent := resp.Headers.Lookup(strictField)
	if sent {
		resp.Headers.Del(strictField)
	}
	return value == strictValue
}
