package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// writeCertificate replaces the PEM file by a new certificate with that name, and its key.
func writeCertificate(t *testing.T, path, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	if err := errors.Join(os.WriteFile(path+"~", text, 0o600), os.Rename(path+"~", path)); err != nil {
		t.Fatal(err)
	}
}

// relink makes the link lead to another folder.
func relink(t *testing.T, link, target string) {
	t.Helper()
	if err := errors.Join(os.Symlink(target, link+"~"), os.Rename(link+"~", link)); err != nil {
		t.Fatal(err)
	}
}

// secure is a connection over TLS.
type secure struct {
	*tls.Conn
	in *bufio.Reader
}

// dialSecure connects, and checks the name of the server's certificate.
func dialSecure(t *testing.T, addr, name string) *secure {
	t.Helper()
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if got := c.ConnectionState().PeerCertificates[0].Subject.CommonName; got != name {
		t.Errorf("a new connection: got the certificate of %s; want that of %s", got, name)
	}
	return &secure{c, bufio.NewReader(c)}
}

// get sends a request over the connection, which stays open, and returns the body.
func (c *secure) get(path string) (string, error) {
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path); err != nil {
		return "", err
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != 200 {
		err = errors.New(resp.Status)
	}
	return string(body), err
}

func (c *secure) want(t *testing.T, what, path, want string) {
	t.Helper()
	if got, err := c.get(path); got != want || err != nil {
		t.Errorf("%s: %s: got %.100q, %v; want %s", what, path, got, err, want)
	}
}

// releases makes the folders of two releases, each with a page, a script and a file for an alias,
// and the link "current" to the first.
func releases(t *testing.T) string {
	t.Helper()
	dir := webserver.Dir(t)
	for _, release := range []string{"r1", "r2"} {
		if err := os.MkdirAll(filepath.Join(dir, release, "docs"), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"page", "docs/page"} {
			if err := os.WriteFile(filepath.Join(dir, release, name), []byte(release), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		webserver.WriteProgram(t, filepath.Join(dir, release, "script"), "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n"+release+"'\n")
	}
	relink(t, filepath.Join(dir, "current"), "r1")
	return dir
}

// TestReload: at SIGHUP, new connections get the new certificate, and requests of all connections
// the new folders. A certificate and a folder that cannot be used leave the old ones. No request is
// lost meanwhile.
func TestReload(t *testing.T) {
	t.Parallel()
	for target, paths := range map[string][]string{
		"files:": {"/page", "/docs/page"},
		"cgi:":   {"/script", "/docs/page"},
	} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			dir := releases(t)
			cert, current := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "current")
			writeCertificate(t, cert, "first")
			m := startLogged(t, "serve", "-l", "https://127.0.0.1:0", "--tls-cert", cert, "--alias", "/docs="+current+"/docs", target+current)
			addr := m.find(t, ` serving address=https://(\S+)/\n`)
			old := dialSecure(t, addr, "first")
			stop := press(t, addr, paths[0])
			for _, path := range paths {
				old.want(t, "at first", path, "r1")
			}

			writeCertificate(t, cert, "second")
			relink(t, current, "r2")
			m.reload(t, `(reloaded what="certificate, folders")`)
			for _, path := range paths {
				old.want(t, "the old connection", path, "r2")
				dialSecure(t, addr, "second").want(t, "a new one", path, "r2")
			}

			if err := os.WriteFile(cert, []byte("no certificate"), 0o600); err != nil {
				t.Fatal(err)
			}
			relink(t, current, "gone")
			m.reload(t, `(the certificate cannot be read again, the last one is used)`)
			m.find(t, `(a folder cannot be opened again, the last one is used error="open `+current+`/docs: no such file or directory")`)
			m.find(t, `(a folder cannot be opened again, the last one is used error="open `+current+`: no such file or directory")`)
			dialSecure(t, addr, "second").want(t, "after a failure", "/docs/page", "r2")
			if target == "files:" { // a script is started by its path
				old.want(t, "after a failure", "/page", "r2")
			}
			relink(t, current, "r1")
			writeCertificate(t, cert, "third")
			m.reload(t, `(reloaded what="certificate, folders")`)
			dialSecure(t, addr, "third").want(t, "in the end", paths[0], "r1")
			if target == "cgi:" {
				stop()
				return
			}
			if n, failed := stop(); n == 0 || failed != nil {
				t.Errorf("%d requests, and one failed: %v", n, failed)
			}
		})
	}
}

// reload sends SIGHUP and waits for a line.
func (m *monitored) reload(t *testing.T, line string) {
	t.Helper()
	if err := m.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	m.find(t, line)
}

// press sends requests over new and kept connections until stop is called. It returns their number
// and an error of one.
func press(t *testing.T, addr, path string) (stop func() (int64, error)) {
	t.Helper()
	var n atomic.Int64
	var failed atomic.Pointer[error]
	var stopped atomic.Bool
	var clients sync.WaitGroup
	for i := range 2 {
		client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: i == 0, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
		clients.Go(func() {
			defer client.CloseIdleConnections()
			for !stopped.Load() {
				resp, err := client.Get("https://" + addr + path)
				if err == nil {
					var body []byte
					body, err = io.ReadAll(resp.Body)
					resp.Body.Close()
					if err == nil && !strings.HasPrefix(string(body), "r") {
						err = fmt.Errorf("%s: %.100s", resp.Status, body)
					}
				}
				if n.Add(1); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	stop = sync.OnceValues(func() (int64, error) {
		stopped.Store(true)
		clients.Wait()
		if err := failed.Load(); err != nil {
			return n.Load(), *err
		}
		return n.Load(), nil
	})
	t.Cleanup(func() { stop() })
	return stop
}

// TestReloadNothing: without a terminal, a server with nothing to reload goes on after SIGHUP.
func TestReloadNothing(t *testing.T) {
	t.Parallel()
	m := startLogged(t, "serve", "-l", "http://127.0.0.1:0", "demo:")
	site := m.find(t, ` serving address=(http://\S+)/\n`)
	for range 2 {
		m.reload(t, `(nothing to reload)`)
	}
	if status, _ := getPage(t, site+"/"); status != 200 {
		t.Errorf("got %d; want 200", status)
	}
}
