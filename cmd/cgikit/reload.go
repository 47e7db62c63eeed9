package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/cgikit/cgikit/gateway/host"
)

// addReloads adds the folders of a Handler, and those of its backend if it has some.
func (t *target) addReloads(h *host.Handler, backend func() error) {
	if h.Root != "" || len(h.Offload) > 0 {
		t.reloads = append(t.reloads, h.Reload)
	}
	if files, ok := h.Next.(*host.Files); ok {
		t.reloads = append(t.reloads, files.Reload)
	}
	if backend != nil {
		t.reloads = append(t.reloads, backend)
	}
}

// reloader returns what SIGHUP does, or nil if SIGHUP means that the terminal has closed: then it
// asks the process to end.
func (s *serving) reloader(t *target) func() {
	if hasTerminal() {
		return nil
	}
	return func() { s.reload(t) }
}

// reload uses the newest certificate and the newest folders, and replaces the processes of the
// target. Connections and current requests go on. If a certificate or a folder cannot be used, it
// logs that, and the old one stays in use.
func (s *serving) reload(t *target) {
	log := s.launch.Log
	var done []string
	if c := s.tls.certificate; c != nil {
		if err := c.Reload(); err != nil {
			log.Error("the certificate cannot be read again, the last one is used", "error", strings.TrimPrefix(err.Error(), "tls: "))
		} else {
			done = append(done, "certificate")
		}
	}
	if bad := t.reloadFolders(); len(bad) > 0 {
		for _, text := range bad {
			log.Error("a folder cannot be opened again, the last one is used", "error", text)
		}
	} else if len(t.reloads) > 0 {
		done = append(done, "folders")
	}
	if t.workers != nil {
		t.workers.Reload() // which logs
		done = append(done, "processes")
	}
	if len(done) > 0 {
		log.Info("reloaded", "what", strings.Join(done, ", "))
		return
	}
	log.Info("nothing to reload")
}

// reloadFolders returns a text for each folder that cannot be opened. Several parts of a target may
// have the same folder.
func (t *target) reloadFolders() []string {
	var errs []error
	for _, reload := range t.reloads {
		errs = append(errs, reload())
	}
	err := errors.Join(errs...)
	if err == nil {
		return nil
	}
	lines := strings.Split(err.Error(), "\n")
	slices.Sort(lines)
	return slices.Compact(lines)
}
