package target

import (
	"context"
	"errors"
	"flag"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
	"github.com/cgikit/cgikit/scgi"
)

func TestMain(m *testing.M) {
	flag.Set("test.parallel", "6") // some wait for a timeout; the flag -parallel still counts
	os.Exit(leaks.Run(m))
}

func TestParse(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	l, err := net.Listen("unix", "app.sock")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.WriteFile("script", nil, 0o755); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, input, hint string }{ // hint: a part of it; "" for no error
		{"fastcgi", "fastcgi://127.0.0.1:9000", ""},
		{"scgi", "scgi+unix:/run/x.sock", ""},
		{"cgi", "cgi:script", ""},
		{"socket's path", "app.sock", "write fastcgi+unix:app.sock, or scgi+unix:app.sock"},
		{"socket that is not there", "/run/php/php-fpm.sock", "write fastcgi+unix:/run/php/php-fpm.sock"},
		{"unix: alone", "unix:/run/x.sock", "write fastcgi+unix:/run/x.sock"},
		{"host and port", "127.0.0.1:9000", "write fastcgi://127.0.0.1:9000, or scgi://"},
		{"name and port", "localhost:9000", "write fastcgi://localhost:9000"},
		{"script's path", "./script", "write cgi:./script"},
		{"nothing", "", "such as"},
		{"unknown scheme", "gopher://x", "such as"},
		{"no port", "fastcgi://127.0.0.1:0", "write the port"},
		{"inherited", "fastcgi+fd:0", "such as"},
		{"http", "http://127.0.0.1:80", "it asks fastcgi, scgi, cgi"},
		{"no script", "cgi:none", "cgi: is followed by"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(tt.input)
			if tt.hint == "" {
				if err != nil {
					t.Fatalf("got %v", err)
				}
				return
			}
			if cli.Status(err) != cli.StatusUsage || !strings.Contains(cli.Hint(err), tt.hint) {
				t.Errorf("got %v, hint %q; want hint %q", err, cli.Hint(err), tt.hint)
			}
		})
	}
	if _, err := Parse("http://127.0.0.1:80", "http"); err != nil {
		t.Errorf("http where it can be asked: got %v", err)
	}
}

// TestDial: each cause of a connection that is not made has its line and its hint.
func TestDial(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, target, hint string }{
		{"no socket", "fastcgi+unix:" + filepath.Join(dir, "none"), "is the application running"},
		{"socket left over", "scgi+unix:" + stale, "left over"},
		{"refused", "fastcgi://" + closedPort(t), "no program listens"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			target, err := Parse(tt.target)
			if err != nil {
				t.Fatal(err)
			}
			conn, err := target.Dial(t.Context())
			if err == nil {
				conn.Close()
				t.Fatal("got a connection")
			}
			_, address := target.Place()
			if n := strings.Count(err.Error(), address); n != 1 {
				t.Errorf("got the address %d times in %q; want once", n, err)
			}
			if !strings.Contains(cli.Hint(err), tt.hint) {
				t.Errorf("got hint %q; want %q", cli.Hint(err), tt.hint)
			}
		})
	}
}

func closedPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestIdentify asks servers of each protocol, and one that only accepts.
func TestIdentify(t *testing.T) {
	t.Parallel()
	app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error { return nil })
	addresses := map[string]string{
		"fastcgi": serve(t, (&fastcgi.Server{App: app}).Serve),
		"scgi":    serve(t, (&scgi.Server{App: app}).Serve),
		"":        serve(t, acceptOnly),
	}
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	addresses["http"] = s.Listener.Addr().String()
	for protocol, address := range addresses {
		t.Run("spoken "+protocol, func(t *testing.T) {
			t.Parallel()
			for _, named := range []string{"fastcgi", "scgi", "http"} {
				if protocol == "" && named != "scgi" {
					continue // each question takes its whole time
				}
				target, err := Parse(named+"://"+address, "fastcgi", "scgi", "http")
				if err != nil {
					t.Fatal(err)
				}
				each, failed := Patient, errors.New("failed")
				if protocol == "" {
					each, failed = Brief, context.DeadlineExceeded
				}
				if got := target.Identify(t.Context(), each); got != protocol {
					t.Errorf("named %s: got %q", named, got)
				}
				if got := target.SpeaksOnlyHTTP(t.Context()); got != (protocol == "http") {
					t.Errorf("named %s: got %t for HTTP alone", named, got)
				}
				err = target.Explain(t.Context(), failed)
				if want := "write " + protocol + "://"; protocol != "" && protocol != named && !strings.Contains(cli.Hint(err), want) {
					t.Errorf("named %s: got hint %q; want %q in it", named, cli.Hint(err), want)
				}
			}
		})
	}
}

// serve runs a server until the test ends, and returns its address.
func serve(t *testing.T, run func(net.Listener) error) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(l)
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().String()
}

// acceptOnly takes connections and answers nothing.
func acceptOnly(l net.Listener) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		defer conn.Close()
	}
}

func TestExplainKeepsNil(t *testing.T) {
	if err := (Target{}).Explain(context.Background(), nil); err != nil {
		t.Errorf("got %v", err)
	}
}
