package httpapp_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

// describing answers with the protocol, HTTPS and the length of the body.
var describing = gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
	n, err := io.Copy(io.Discard, r.Stdin)
	if err != nil {
		return err
	}
	w.Headers().Set("Content-Type", "text/plain")
	_, err = fmt.Fprintf(w, "%s %q %d", r.Environ.Get("SERVER_PROTOCOL"), r.Environ.Get("HTTPS"), n)
	return err
})

// serveHTTP2 serves on a free port until the test ends, and returns the address.
func serveHTTP2(t *testing.T, s *httpapp.Server, serve func(net.Listener) error) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.ErrorLog = slog.New(slog.NewTextHandler(io.Discard, nil))
	ended := make(chan error, 1)
	go func() { ended <- serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-ended; err != gateway.ErrServerClosed {
			t.Errorf("Serve: %v", err)
		}
	})
	return l.Addr().String()
}

// writeCertificate writes a self-signed certificate for 127.0.0.1 with that serial number.
func writeCertificate(t *testing.T, dir string, serial int64) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "cgikit test"}, NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// clientOf returns a client of the given protocols that trusts every certificate.
func clientOf(t *testing.T, set func(*http.Protocols)) *http.Client {
	protocols := new(http.Protocols)
	set(protocols)
	transport := &http.Transport{Protocols: protocols, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// post sends 5 bytes and returns the answer.
func post(t *testing.T, c *http.Client, url string) string {
	t.Helper()
	resp, err := c.Post(url, "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return readAll(t, resp.Body)
}

func http1(p *http.Protocols) { p.SetHTTP1(true) }
func h2(p *http.Protocols)    { p.SetHTTP2(true) }
func h2c(p *http.Protocols)   { p.SetUnencryptedHTTP2(true) }

// TestHTTP2: HTTP/2 over TLS, and without it if the Server allows that; HTTP/1.1 beside both.
func TestHTTP2(t *testing.T) {
	t.Parallel()
	plain := &httpapp.Server{App: describing, UnencryptedHTTP2: true}
	addr := serveHTTP2(t, plain, plain.Serve)
	if got, want := post(t, clientOf(t, h2c), "http://"+addr), `HTTP/2.0 "" 5`; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
	if got, want := post(t, clientOf(t, http1), "http://"+addr), `HTTP/1.1 "" 5`; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
	cert, key := writeCertificate(t, t.TempDir(), 1)
	c := &httpapp.Certificate{CertFile: cert, KeyFile: key}
	encrypted := &httpapp.Server{App: describing}
	addr = serveHTTP2(t, encrypted, func(l net.Listener) error { return encrypted.ServeTLS(l, &tls.Config{GetCertificate: c.Get}) })
	if got, want := post(t, clientOf(t, h2), "https://"+addr), `HTTP/2.0 "on" 5`; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
	if got, want := post(t, clientOf(t, http1), "https://"+addr), `HTTP/1.1 "on" 5`; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}

// TestHTTP2Curl: curl with prior knowledge, over TLS, and with HTTP/1.1 on the same listeners.
func TestHTTP2Curl(t *testing.T) {
	t.Parallel()
	curl := webserver.Find(t, "curl")
	plain := &httpapp.Server{App: describing, UnencryptedHTTP2: true}
	addr := serveHTTP2(t, plain, plain.Serve)
	cert, key := writeCertificate(t, t.TempDir(), 1)
	c := &httpapp.Certificate{CertFile: cert, KeyFile: key}
	encrypted := &httpapp.Server{App: describing}
	secure := serveHTTP2(t, encrypted, func(l net.Listener) error { return encrypted.ServeTLS(l, &tls.Config{GetCertificate: c.Get}) })
	for args, want := range map[string]string{
		"--http2-prior-knowledge http://" + addr:            `HTTP/2.0 "" 4`,
		"--http1.1 http://" + addr:                          `HTTP/1.1 "" 4`,
		"--http2 http://" + addr:                            `HTTP/1.1 "" 4`, // the Upgrade is not answered (RFC 9113 section 3.1)
		"--cacert " + cert + " --http2 https://" + secure:   `HTTP/2.0 "on" 4`,
		"--cacert " + cert + " --http1.1 https://" + secure: `HTTP/1.1 "on" 4`,
	} {
		args := append([]string{"-sS", "--max-time", "30", "-d", "body"}, strings.Fields(args)...)
		if out, err := exec.Command(curl, args...).CombinedOutput(); string(out) != want || err != nil {
			t.Errorf("curl %q: got %.200q, %v; want %q", args, out, err, want)
		}
	}
}

// TestHTTP2Shutdown: Shutdown waits for the streams under way and closes idle connections.
func TestHTTP2Shutdown(t *testing.T) {
	t.Parallel()
	began, release := make(chan struct{}, 2), make(chan struct{})
	s := &httpapp.Server{UnencryptedHTTP2: true, App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		began <- struct{}{}
		<-release
		_, err := io.WriteString(w, "whole")
		return err
	})}
	addr := serveHTTP2(t, s, s.Serve)
	client := clientOf(t, h2c)
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			resp, err := client.Get("http://" + addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			if body, err := io.ReadAll(resp.Body); string(body) != "whole" || err != nil {
				t.Errorf("got %q, %v", body, err)
			}
		})
	}
	<-began
	<-began
	stopped := make(chan error)
	go func() { stopped <- s.Shutdown(context.Background()) }()
	close(release)
	group.Wait()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// TestHTTP2Stalled: a client that takes no more of a response does not hold the App for ever.
func TestHTTP2Stalled(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	s := &httpapp.Server{UnencryptedHTTP2: true, WriteTimeout: 50 * time.Millisecond, App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		block := make([]byte, 64<<10)
		for {
			if _, err := w.Write(block); err != nil {
				ended <- err
				return err
			}
		}
	})}
	addr := serveHTTP2(t, s, s.Serve)
	resp, err := clientOf(t, h2c).Get("http://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	<-ended // only if the wait is bounded
}

// TestCertificate: a renewed certificate is used, and a broken one is not.
func TestCertificate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := writeCertificate(t, dir, 1)
	c := &httpapp.Certificate{CertFile: cert, KeyFile: key, ErrorLog: slog.New(slog.NewTextHandler(io.Discard, nil))}
	serial := func() string {
		got, err := c.Get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return got.Leaf.SerialNumber.String()
	}
	if got := serial(); got != "1" {
		t.Errorf("got %s; want 1", got)
	}
	writeCertificate(t, dir, 2)
	if err := c.Reload(); err != nil || serial() != "2" {
		t.Errorf("got %v, %s; want 2", err, serial())
	}
	if err := os.WriteFile(cert, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Reload(); err == nil || serial() != "2" {
		t.Errorf("got %v, %s; want an error, and 2", err, serial())
	}
	if _, err := (&httpapp.Certificate{CertFile: cert, KeyFile: key}).Get(nil); err == nil {
		t.Error("got no error for a first certificate that is broken")
	}
}
