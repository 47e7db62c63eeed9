package fastcgi_test

import (
	"context"
	"net"
	"reflect"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/nethttp"
	"github.com/cgikit/cgikit/gateway/transport"
)

// engine is what both servers are.
type engine interface {
	Serve(net.Listener) error
	ListenAndServe() error
	HandleRequest(net.Listener) error
	Shutdown(context.Context) error
	Close() error
	Stats() transport.Stats
}

var (
	_ engine = (*fastcgi.Server)(nil)
	_ engine = (*nethttp.Server)(nil)
)

// bothEngines runs a test of what is the same for both: as the sub-tests Server and nethttp, by
// whose names start knows.
func bothEngines(t *testing.T, test func(t *testing.T)) {
	t.Run("Server", test)
	t.Run("nethttp", test)
}

// onNethttp reports which engine t is about; a test that is not of both is about Server.
func onNethttp(t *testing.T) bool {
	t.Helper()
	return strings.Contains(t.Name()+"/", "/nethttp/")
}

// engineOf makes the engine that t is about, with the fields of s.
func engineOf(t *testing.T, s *fastcgi.Server) engine {
	if !onNethttp(t) {
		return s
	}
	other := new(nethttp.Server)
	from, to := reflect.ValueOf(s).Elem(), reflect.ValueOf(other).Elem()
	for i := range to.NumField() {
		if f := to.Type().Field(i); f.IsExported() {
			to.Field(i).Set(from.FieldByName(f.Name))
		}
	}
	return other
}
