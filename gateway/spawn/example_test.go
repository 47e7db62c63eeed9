package spawn_test

import (
	"context"
	"fmt"
	"net"

	"github.com/cgikit/cgikit/gateway/spawn"
)

// A program that cannot run is found at the first start.
func ExamplePool_Run() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	pool := &spawn.Pool{Path: "/nowhere/app.fcgi", Min: 2, Max: 8}
	fmt.Println(pool.Run(context.Background(), l) != nil)
	fmt.Println(pool.Stats().Workers)
	// Output:
	// true
	// 0
}
