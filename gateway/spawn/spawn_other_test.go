//go:build unix && !linux

package spawn_test

const canWait = false

func childrenOf(int) string { return "" }
