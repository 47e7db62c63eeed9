package tour_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/cmd/cgikit/internal/tour"
	"github.com/cgikit/cgikit/gateway/demo"
)

// A Tour is the handler of a web server. The script is missing here, so three of the four
// deployments answer.
func ExampleStart() {
	t, err := tour.Start(tour.Config{
		App: demo.App(),
		CGI: &cgi.Script{Path: "testdata/missing"},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer t.Shutdown(context.Background())
	for _, path := range []string{"/", "/fastcgi/environ", "/scgi/environ", "/cgi/environ"} {
		w := httptest.NewRecorder()
		t.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil))
		fmt.Println(path, w.Code)
	}
	// Output:
	// / 200
	// /fastcgi/environ 200
	// /scgi/environ 200
	// /cgi/environ 502
}
