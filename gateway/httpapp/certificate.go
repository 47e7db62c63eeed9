package httpapp

import (
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Certificate is a certificate in files, for Server.ServeTLS. It is read again when one of the
// files has changed, so that a renewed certificate is used without a restart. It may be used by any
// number of connections at the same time. The fields must not change after the first use.
//
//	c := &httpapp.Certificate{CertFile: "cert.pem", KeyFile: "key.pem"}
//	if err := c.Reload(); err != nil {
//		return err
//	}
//	return server.ServeTLS(l, &tls.Config{GetCertificate: c.Get})
type Certificate struct {
	// CertFile and KeyFile are PEM files: the certificate, followed by those of its issuers, and
	// the private key. They may be the same file.
	CertFile, KeyFile string

	// ErrorLog gets a line at level Error when changed files cannot be used, once for each change.
	// The last certificate then stays in use. Nil means slog.Default().
	ErrorLog *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	files   [2]fileState // of the last attempt to read them
	checked time.Time
}

// fileState is what changes when a file is replaced.
type fileState struct {
	changed time.Time
	size    int64
}

// checkInterval is how long the files are not looked at again, so that a handshake costs no system
// call on a busy server.
const checkInterval = time.Second

// Reload reads the files now. A program calls it before it listens, to report a mistake, and may
// call it when it is told that the files have changed. After an error the last certificate is used
// further.
func (c *Certificate) Reload() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read()
}

// Get returns the current certificate. It is a function for tls.Config.GetCertificate. Its error is
// that of Reload, if no certificate could be read yet.
func (c *Certificate) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil && time.Since(c.checked) < checkInterval {
		return c.current, nil
	}
	if c.current != nil && c.files == c.stat() {
		c.checked = time.Now()
		return c.current, nil
	}
	err := c.read()
	if c.current == nil {
		return nil, err
	}
	if err != nil {
		c.log().Error("the certificate cannot be read again, the last one is used", "error", err)
	}
	return c.current, nil
}

// read reads the files. The state of the files is that before the reading, so that a change
// meanwhile is found by the next check.
func (c *Certificate) read() error {
	c.checked, c.files = time.Now(), c.stat()
	loaded, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return err
	}
	c.current = &loaded
	return nil
}

// stat returns the state of both files, which is zero for a file that cannot be found.
func (c *Certificate) stat() (states [2]fileState) {
	for i, name := range []string{c.CertFile, c.KeyFile} {
		if info, err := os.Stat(name); err == nil {
			states[i] = fileState{info.ModTime(), info.Size()}
		}
	}
	return states
}

func (c *Certificate) log() *slog.Logger {
	if c.ErrorLog == nil {
		return slog.Default()
	}
	return c.ErrorLog
}
