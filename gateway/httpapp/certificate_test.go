package httpapp

import (
	"crypto/tls"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// TestCertificateChecked: the files are checked once a second, and read if they have changed.
func TestCertificateChecked(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "cert.pem")
	synctest.Test(t, func(t *testing.T) {
		old := new(tls.Certificate)
		c := &Certificate{CertFile: file, KeyFile: file, current: old, checked: time.Now(), ErrorLog: slog.New(slog.DiscardHandler)}
		c.files = c.stat()
		if err := os.WriteFile(file, []byte("changed"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := c.Get(nil); got != old || err != nil || c.files != [2]fileState{} {
			t.Errorf("within a second: got %v, %v, %v; want no look at the files", got, err, c.files)
		}
		time.Sleep(checkInterval)
		if got, err := c.Get(nil); got != old || err != nil || c.files == [2]fileState{} {
			t.Errorf("later: got %v, %v, %v; want the files to be read", got, err, c.files)
		}
	})
}
