package peer

import (
	"os/exec"
	"path/filepath"
)

// Cgikit is "cgikit serve", built from the tree in which this program runs, which asks the FastCGI
// application at a unix socket.
func Cgikit(dir, backend string) Peer { return CgikitServe(dir, "fastcgi+unix:"+backend) }

// CgikitServe is "cgikit serve" with these flags and this target.
func CgikitServe(dir string, args ...string) Peer {
	program := filepath.Join(dir, "cgikit")
	p := Peer{Name: "serve"}
	p.Build = func() error {
		return built(program, exec.Command("go", "build", "-o", program, "github.com/cgikit/cgikit/cmd/cgikit"))
	}
	p.Start = func() (*Process, error) {
		addr, err := FreePort()
		if err != nil {
			return nil, err
		}
		return StartProgram("tcp", addr, exec.Command(program, append([]string{"serve", "-l", "http://" + addr}, args...)...))
	}
	return p
}
