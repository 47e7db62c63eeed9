package target

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/scgi"
)

// Backend is a gateway.Backend that holds connections or processes until Close.
type Backend interface {
	gateway.Backend
	Close() error
}

// Backend returns what asks the target: a fastcgi.Client, an scgi.Client, a cgi.Script, or a
// cgi.Dir for a folder. The caller may set more of its fields before the first request, and closes
// it. Timeout bounds each wait; zero is the 60 seconds of these types.
func (t Target) Backend(timeout time.Duration) (Backend, error) {
	switch t.Protocol {
	case "fastcgi":
		return &fastcgi.Client{Addr: t.Name, DialTimeout: timeout, FirstByteTimeout: timeout, ReadTimeout: timeout, WriteTimeout: timeout}, nil
	case "scgi":
		return &scgi.Client{Addr: t.Name, DialTimeout: timeout, FirstByteTimeout: timeout, ReadTimeout: timeout, WriteTimeout: timeout}, nil
	case "cgi":
		return newScript(t.Path, timeout)
	}
	return nil, fmt.Errorf("target %.200q: no Backend asks %s", t.Name, t.Protocol)
}

func newScript(path string, timeout time.Duration) (Backend, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(full); err == nil && info.IsDir() {
		dir := &cgi.Dir{Path: full}
		dir.Script.ReadTimeout, dir.Script.RequestTimeout = timeout, timeout
		return dir, nil
	}
	return &cgi.Script{Path: full, ReadTimeout: timeout, RequestTimeout: timeout}, nil
}
