package peer

import (
	"os/exec"
	"strconv"
)

// Uwsgi is the application of the benchmarks in Python, which uwsgi serves by a protocol, "fastcgi"
// or "scgi", in as many processes.
func Uwsgi(dir, protocol string, processes int) Peer {
	p, program := installed("uwsgi", "uwsgi_python3", "--version")
	p.Start = func() (*Process, error) {
		path, err := source(dir, "app.py")
		if err != nil {
			return nil, err
		}
		socket := Socket(dir, "uwsgi-"+protocol)
		return StartProgram("unix", socket, exec.Command(program,
			"--"+protocol+"-socket", socket, "--wsgi-file", path, "--processes", strconv.Itoa(processes),
			"--master", "--die-on-term", "--disable-logging", "--listen", "100"))
	}
	return p
}
