//go:build unix

package account_test

import (
	"fmt"

	"github.com/cgikit/cgikit/cmd/cgikit/internal/account"
)

func ExampleFind() {
	c, err := account.Find("root:0")
	fmt.Println(*c, err)
	// Output: {0 0 []} <nil>
}
