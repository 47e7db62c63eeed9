package tour

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/demo"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/gateway/listen"
	"github.com/cgikit/cgikit/scgi"
)

// Config is the application to deploy. All fields must be set.
type Config struct {
	App gateway.App  // the application; it must have the pages of package demo, to which the page links
	CGI *cgi.Script  // starts the same application as a CGI program; Shutdown closes it
	Log *slog.Logger // errors of the servers
}

// Tour is an application in four deployments. It is the http.Handler for the root of a server. Call
// Shutdown to stop it.
type Tour struct {
	deployments []*deployment
	mux         *http.ServeMux
	dir         string // of the sockets
	fastcgi     *fastcgi.Server
	scgi        *scgi.Server
	cgi         *cgi.Script
	log         *slog.Logger
}

// deployment is one way to reach the application.
type deployment struct {
	Name    string
	Mount   string
	backend gateway.Backend
}

// Start starts the servers. After an error no server, socket or folder is left.
func Start(c Config) (*Tour, error) {
	dir, err := os.MkdirTemp("", "cgikit-demo-") // its mode is 0700
	if err != nil {
		return nil, fmt.Errorf("tour: %w", err)
	}
	t := &Tour{
		mux:     http.NewServeMux(),
		dir:     dir,
		fastcgi: &fastcgi.Server{App: c.App, ErrorLog: c.Log},
		scgi:    &scgi.Server{App: c.App, ErrorLog: c.Log},
		cgi:     c.CGI,
		log:     c.Log,
	}
	fastcgiAddr, err := t.serve("fastcgi", t.fastcgi.Serve)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("tour: %w", err), t.Shutdown(context.Background()))
	}
	scgiAddr, err := t.serve("scgi", t.scgi.Serve)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("tour: %w", err), t.Shutdown(context.Background()))
	}
	t.deploy("HTTP", "/http", gateway.Local(c.App), c.App)
	// keeps no connection, so that all deployments are equal
	t.forward("FastCGI", "/fastcgi", &fastcgi.Client{Addr: fastcgiAddr})
	t.forward("SCGI", "/scgi", &scgi.Client{Addr: scgiAddr})
	t.forward("CGI", "/cgi", c.CGI)
	t.mux.HandleFunc("GET /{$}", t.servePage)
	return t, nil
}

// serve listens for one protocol and returns the address.
func (t *Tour) serve(protocol string, serve func(net.Listener) error) (string, error) {
	l, err := listen.ListenFor(protocol, socketAddr(t.dir, protocol))
	if err != nil {
		return "", err
	}
	go func() {
		if err := serve(l); !errors.Is(err, gateway.ErrServerClosed) {
			t.log.Error("a server of the demo stopped", "protocol", protocol, "error", err)
		}
	}()
	if l.Addr().Network() == "unix" {
		return "unix:" + l.Addr().String(), nil
	}
	return l.Addr().String(), nil
}

func (t *Tour) forward(name, mount string, b gateway.Backend) {
	t.deploy(name, mount, b, gateway.Forward(b))
}

// deploy adds a deployment: app answers requests below mount, and b is the same application for the
// page.
func (t *Tour) deploy(name, mount string, b gateway.Backend, app gateway.App) {
	t.deployments = append(t.deployments, &deployment{Name: name, Mount: mount, backend: b})
	t.mux.Handle(mount+"/", &httpapp.AppHandler{App: app, Mount: mount, ErrorLog: t.log})
}

// ServeHTTP implements http.Handler: the page at the root, each deployment below its name. It
// accepts only requests whose Host names this machine. CONNECT is answered with 405.
func (t *Tour) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect {
		w.Header().Set("Allow", exchange.AllowWithoutConnect)
		http.Error(w, "This server is not a proxy.", http.StatusMethodNotAllowed)
		return
	}
	if !demo.LocalHost(r.Host) {
		http.Error(w, "This page is only for this machine. Open it by an IP address or by localhost.", http.StatusMisdirectedRequest)
		return
	}
	t.mux.ServeHTTP(w, r)
}

// Shutdown lets current requests finish until ctx ends, and then aborts them. Afterwards no socket,
// folder or script is left. Stop the HTTP server in front first.
func (t *Tour) Shutdown(ctx context.Context) error {
	err := errors.Join(t.fastcgi.Shutdown(ctx), t.scgi.Shutdown(ctx))
	if err != nil {
		t.fastcgi.Close()
		t.scgi.Close()
	}
	return errors.Join(err, t.cgi.Close(), os.RemoveAll(t.dir))
}
