package launch

import (
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
)

// TestBudget: the FastCGI server has the Budget of Config, which the App may share.
func TestBudget(t *testing.T) {
	b := &exchange.Budget{MemoryBytes: 1}
	s, err := Config{App: gateway.AppFunc(nil), Budget: b}.newServers()
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := s.fastcgi.(*fastcgi.Server); !ok || got.Budget != b {
		t.Errorf("got %T with another Budget", s.fastcgi)
	}
}
