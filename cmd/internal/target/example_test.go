package target_test

import (
	"fmt"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/cmd/internal/target"
)

func Example() {
	_, err := target.Parse("127.0.0.1:9000")
	fmt.Println("hint:", cli.Hint(err))
	// Output:
	// hint: write fastcgi://127.0.0.1:9000, or scgi://127.0.0.1:9000
}
