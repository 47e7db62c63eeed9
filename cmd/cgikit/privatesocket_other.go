//go:build !linux

package main

// openUnlinked reports false: the system has no such path.
func openUnlinked(string) (address string, release func(), ok bool) { return "", nil, false }
