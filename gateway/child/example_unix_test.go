//go:build unix

package child_test

import (
	"fmt"
	"os"

	"github.com/cgikit/cgikit/gateway/child"
)

func ExampleStart() {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		panic(err)
	}
	defer null.Close()
	c, err := child.Start(child.Command{Path: "/bin/sh", Args: []string{"sh", "-c", "exit 3"}, Files: []*os.File{null, null, null}})
	if err != nil {
		panic(err)
	}
	c.Await() // its process group can still be signalled
	fmt.Println(c.Reap().Text)
	// Output: exit status 3
}
