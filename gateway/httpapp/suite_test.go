package httpapp_test

import (
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

// The server passes the suite of all transports, at the root and below a mount.
func TestServerSuite(t *testing.T) {
	t.Parallel()
	for _, mount := range []string{"", "/app"} {
		t.Run("mount "+mount, func(t *testing.T) {
			t.Parallel()
			gatewaytest.Run(t, gatewaytest.Transport{Start: func(t testing.TB, app gateway.App) string {
				s := serveOn(t, "tcp", &httpapp.Server{App: app, Mount: mount})
				return "http://" + s.addr.String() + mount
			}})
		})
	}
}
