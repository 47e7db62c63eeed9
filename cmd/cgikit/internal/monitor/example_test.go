package monitor_test

import (
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/cgikit/cgikit/cmd/cgikit/internal/monitor"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/launch"
)

func Example() {
	ledger, running := new(monitor.Ledger), new(launch.Monitor)
	m := &monitor.Monitor{Target: "demo:", Start: time.Now(), Ledger: ledger, Servers: running.Stats, Serving: running.Serving}
	ledger.Enter(&gateway.Access{Status: 200, Duration: time.Millisecond})

	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output: 503 not serving
}
