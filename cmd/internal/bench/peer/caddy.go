package peer

import (
	"os"
	"os/exec"
)

// Caddy is the web server of that program, which asks the FastCGI application at a unix socket. It
// keeps no connection to it.
func Caddy(dir, program, backend string) Peer {
	p, path := installed("caddy", program, "version")
	p.Start = func() (*Process, error) {
		addr, err := FreePort()
		if err != nil {
			return nil, err
		}
		conf, err := configure(dir, "Caddyfile", "Caddyfile", map[string]any{"Dir": dir, "Listen": addr, "Backend": backend})
		if err != nil {
			return nil, err
		}
		cmd := exec.Command(path, "run", "--adapter", "caddyfile", "--config", conf)
		cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+dir) // it saves its configuration there
		return StartProgram("tcp", addr, cmd)
	}
	return p
}
