package peer

import (
	"os/exec"
	"path/filepath"
)

// Site is the application to which nginx hands all requests.
type Site struct {
	Backend string // a unix socket
	HTTP    bool   // it speaks HTTP; else FastCGI
	Keep    bool   // connections to it
	Root    string // of the scripts, where the application runs scripts
	Files   string // folder of files; there is no application
	Clients int    // at the same time; 0: 500
}

// Nginx is nginx in front of an application, with as many workers: "auto" is one for each
// processor.
func Nginx(dir, workers string, site Site) Peer {
	p, program := installed("nginx", "nginx", "-v")
	p.Start = func() (*Process, error) {
		addr, err := FreePort()
		if err != nil {
			return nil, err
		}
		name := filepath.Base(Socket(dir, "nginx"))
		path, err := configure(dir, "nginx.conf", name+".conf", map[string]any{
			"Dir": dir, "User": owner(), "Listen": addr, "Name": name, "Workers": workers, "Site": site,
			"Conns": 2 * max(site.Clients, 512), // a client may have one to the application too
		})
		if err != nil {
			return nil, err
		}
		return StartProgram("tcp", addr, exec.Command(program, "-p", dir, "-e", filepath.Join(dir, name+".log"), "-c", path))
	}
	return p
}
