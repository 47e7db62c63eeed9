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
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/gateway/listen"
	"github.com/cgikit/cgikit/scgi"
)

// Config says what to deploy. All fields must be set.
type Config struct {
	App gateway.App  // the application; it must have package demo's pages, which the page links to
	CGI *cgi.Script  // how to start the same application as a CGI program; Shutdown closes it
	Log *slog.Logger // what the servers have to complain of
}

// Tour is an application in four deployments. It is an http.Handler, which must be the root of its
// server. It must be ended by Shutdown.
type Tour struct {
	deployments []*deployment
	mux         *http.ServeMux
	dir         string // of the sockets
	fastcgi     *fastcgi.Server
	scgi        *scgi.Server
	cgi         *cgi.Script
	log         *slog.Logger
}

// deployment is one way in which the application is asked.
type deployment struct {
	Name    string
	Mount   string
	backend gateway.Backend
}

// Start starts the servers. An error leaves nothing behind.
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
	// keeps no connection, like the others
	t.forward("FastCGI", "/fastcgi", &fastcgi.Client{Addr: fastcgiAddr})
	t.forward("SCGI", "/scgi", &scgi.Client{Addr: scgiAddr})
	t.forward("CGI", "/cgi", c.CGI)
	t.mux.HandleFunc("GET /{$}", t.servePage)
	return t, nil
}

// serve opens a socket for one protocol and returns its address.
func (t *Tour) serve(protocol string, serve func(net.Listener) error) (string, error) {
	l, err := listen.ListenFor(protocol, socketAddr(t.dir, protocol))
	if err != nil {
		return "", err
	}
	go func() {
		if err := serve(l); !errors.Is(err, gateway.ErrServerClosed) {
			t.log.Error("a server of the demo ended", "protocol", protocol, "error", err)
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

// deploy lets app answer below mount. b is the same application, for the page.
func (t *Tour) deploy(name, mount string, b gateway.Backend, app gateway.App) {
	t.deployments = append(t.deployments, &deployment{Name: name, Mount: mount, backend: b})
	t.mux.Handle(mount+"/", &httpapp.AppHandler{App: app, Mount: mount, ErrorLog: t.log})
}

// ServeHTTP implements http.Handler: the page at the root, each deployment below its name.
// It is for this machine, and takes only a Host that names it. CONNECT is answered 405.
func (t *Tour) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect {
		http.Error(w, "This is no proxy.", http.StatusMethodNotAllowed)
		return
	}
	if !demo.LocalHost(r.Host) {
		http.Error(w, "This page is for this machine: ask for it by an address, or by localhost.", http.StatusMisdirectedRequest)
		return
	}
	t.mux.ServeHTTP(w, r)
}

// Shutdown lets the requests under way finish until ctx ends, then breaks them off. It leaves no
// socket, no folder and no script behind. The HTTP server in front must have ended before.
func (t *Tour) Shutdown(ctx context.Context) error {
	err := errors.Join(t.fastcgi.Shutdown(ctx), t.scgi.Shutdown(ctx))
	if err != nil {
		t.fastcgi.Close()
		t.scgi.Close()
	}
	return errors.Join(err, t.cgi.Close(), os.RemoveAll(t.dir))
}
