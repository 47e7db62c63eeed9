package peer

import "runtime/debug"

// Gofast is the server of this program that serves HTTP by gofast, from the FastCGI application at
// a unix socket.
func Gofast(dir, backend string) Peer {
	p := Own(dir, "tcp", "gofast", backend)
	p.Version = moduleVersion("github.com/yookoala/gofast")
	return p
}

// moduleVersion returns the version of a module of which this program has a package, "" for
// another.
func moduleVersion(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range info.Deps {
		if m.Path == path {
			return m.Version
		}
	}
	return ""
}
