//go:build unix

package tour

import "path/filepath"

// socketAddr is a unix socket in a folder that only its owner can enter.
func socketAddr(dir, name string) string { return "unix:" + filepath.Join(dir, name+".sock") }
