//go:build unix

package tour

import "path/filepath"

// socketAddr returns a unix socket in dir, which only its owner can enter.
func socketAddr(dir, name string) string { return "unix:" + filepath.Join(dir, name+".sock") }
