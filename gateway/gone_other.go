//go:build !windows

package gateway

func systemGone(error) bool { return false }
