package report

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// Machine is where a run was, and with what. A text is empty where the system does not have it.
type Machine struct {
	System     string `json:"system"` // as Go names it, and the kernel's release
	Processor  string `json:"processor"`
	Processors int    `json:"processors"`
	Memory     string `json:"memory"`
	Load       string `json:"load"` // before the run: the mean number of processes that compute, of 1, 5 and 15 minutes
	Go         string `json:"go"`
	Revision   string `json:"revision"` // of this module, as git describes it
}

// ThisMachine asks the system, and git in the current folder.
func ThisMachine() Machine {
	load := strings.Fields(firstLine("/proc/loadavg", ""))
	return Machine{
		System:     strings.TrimSpace(runtime.GOOS + "/" + runtime.GOARCH + " " + firstLine("/proc/sys/kernel/osrelease", "")),
		Processor:  firstLine("/proc/cpuinfo", "model name"),
		Processors: runtime.NumCPU(),
		Memory:     firstLine("/proc/meminfo", "MemTotal"),
		Load:       strings.Join(load[:min(3, len(load))], " "),
		Go:         runtime.Version(),
		Revision:   revision(),
	}
}

// firstLine returns the first line of a file that begins with a name, without the name and the
// colon after it.
func firstLine(path, name string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			return strings.TrimLeft(strings.TrimSpace(rest), ": \t")
		}
	}
	return ""
}

func revision() string {
	out, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
