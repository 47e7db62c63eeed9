package check_test

import (
	"context"
	"fmt"
	"net"

	"github.com/cgikit/cgikit/cmd/cgikit/internal/check"
	"github.com/cgikit/cgikit/cmd/internal/target"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway/demo"
)

func Example() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	server := &fastcgi.Server{App: demo.App()}
	done := make(chan error)
	go func() { done <- server.Serve(l) }()
	defer func() { server.Close(); <-done }()

	t, err := target.Parse("fastcgi://" + l.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	checks, err := check.Select(check.For("fastcgi"), []string{"fastcgi.abort"}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	run := &check.Run{Target: t}
	results, err := run.All(context.Background(), checks)
	for _, r := range results {
		fmt.Println(r.ID, r.Verdict)
	}
	fmt.Println(check.Summarize(results), err)
	// Output:
	// F18.1 pass
	// F18.2 pass
	// F18.3 pass
	// F18.4 pass
	// 4 passed, 0 failed, 0 warned, 0 skipped <nil>
}
