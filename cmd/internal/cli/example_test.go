package cli_test

import (
	"errors"
	"fmt"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

func Example() {
	err := cli.Usage(errors.New(`target "127.0.0.1:9000" has no scheme`), "write fastcgi://127.0.0.1:9000")
	fmt.Print(cli.Message("cgikit", err))
	fmt.Println("exit status", cli.Status(err))
	// Output:
	// cgikit: target "127.0.0.1:9000" has no scheme
	// hint: write fastcgi://127.0.0.1:9000
	// exit status 2
}
