package asking_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/cgikit/cgikit/cmd/internal/asking"
	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
)

func TestMain(m *testing.M) { os.Exit(leaks.Run(m)) }

func Example() {
	var f asking.Flags
	flags := pflag.NewFlagSet("ping", pflag.ContinueOnError)
	f.Add(flags, time.Second)
	err := flags.Parse([]string{"-vv", "--timeout", "5s"})
	fmt.Println(f.Verbose, f.Timeout, f.Mask("Cookie", "id=1"), err)
	// Output: 2 5s *** <nil>
}
