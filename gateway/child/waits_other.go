//go:build !linux || !(amd64 || arm64 || arm || riscv64 || loong64 || ppc64 || ppc64le)

package child

// Waits reports false: the system does not tell it.
func (c *Child) Waits() bool { return false }
