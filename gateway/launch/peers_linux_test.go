package launch

import (
	"os"
	"testing"
)

// TestAllowedUIDs: on a unix socket, the user id decides.
func TestAllowedUIDs(t *testing.T) {
	for _, protocol := range protocols {
		socket := t.TempDir() + "/s"
		r := run(t, Config{AllowedUIDs: []int{os.Getuid() + 1}}, protocol+"+unix:"+socket)
		if addr := at(t, r.log.served(t)); !refused(t, protocol, addr) {
			t.Errorf("%s: another user got an answer", protocol)
		}
		socket = t.TempDir() + "/s"
		r = run(t, Config{AllowedUIDs: []int{os.Getuid()}}, protocol+"+unix:"+socket)
		if addr := at(t, r.log.served(t)); refused(t, protocol, addr) {
			t.Errorf("%s: the user got no answer", protocol)
		}
	}
}
