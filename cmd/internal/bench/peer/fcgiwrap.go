package peer

import (
	"os/exec"
	"strconv"
)

// Fcgiwrap runs CGI scripts over FastCGI, in as many processes.
func Fcgiwrap(dir string, processes int) Peer {
	p, program := installed("fcgiwrap", "fcgiwrap")
	p.LosesChildren = true
	p.Version = packageVersion("fcgiwrap")
	p.Start = func() (*Process, error) {
		socket := Socket(dir, "fcgiwrap")
		return StartProgram("unix", socket, exec.Command(program, "-c", strconv.Itoa(processes), "-s", "unix:"+socket))
	}
	return p
}
