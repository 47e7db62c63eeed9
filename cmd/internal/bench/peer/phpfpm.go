package peer

import (
	"os"
	"os/exec"
)

// PHPFPM runs PHP scripts over FastCGI in as many processes, which www-data owns if this program
// runs as root. dir must be open to that user.
func PHPFPM(dir string, processes int) Peer {
	p, program := installed("php-fpm", "php-fpm8.2", "--version")
	p.Start = func() (*Process, error) {
		socket := Socket(dir, "php-fpm")
		path, err := configure(dir, "php-fpm.conf", "php-fpm.conf", map[string]any{
			"Dir": dir, "Socket": socket, "Processes": processes, "Root": os.Getuid() == 0,
		})
		if err != nil {
			return nil, err
		}
		return StartProgram("unix", socket, exec.Command(program, "--nodaemonize", "--fpm-config", path, "-n"))
	}
	return p
}

// PHPScript writes the application of the benchmarks in PHP into dir, and returns its path.
func PHPScript(dir string) (string, error) { return source(dir, "app.php") }
