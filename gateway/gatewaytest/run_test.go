package gatewaytest

import (
	"testing"

	"github.com/cgikit/cgikit/gateway"
)

func TestTransports(t *testing.T) {
	for _, mount := range []string{"", "/app"} {
		var plain, local Answers
		t.Run("http"+mount, func(t *testing.T) {
			tr := HTTP(mount)
			tr.Answers = &plain
			Run(t, tr)
		})
		t.Run("local"+mount, func(t *testing.T) {
			Run(t, Transport{Answers: &local, Start: func(t testing.TB, app gateway.App) string {
				return FrontEnd(t, gateway.Local(app), mount)
			}})
		})
		t.Run("compare"+mount, func(t *testing.T) { plain.Compare(t, &local) })
	}
}
