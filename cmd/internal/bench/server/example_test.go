package server_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/cgikit/cgikit/cmd/internal/bench/server"
)

func ExampleAll() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		fmt.Println(err)
		return
	}
	ended := make(chan error)
	go func() { ended <- server.All()["server"](l, nil) }()
	l.Close()
	fmt.Println(errors.Is(<-ended, net.ErrClosed))
	// Output: true
}
