package demo_test

import (
	"fmt"
	"io"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/demo"
	"github.com/cgikit/cgikit/util"
)

// The demo runs on every transport. Here it is called directly, as a test would do it.
func ExampleApp() {
	resp, err := gateway.Local(demo.App()).RoundTrip(&gateway.Request{Environ: util.EnvironFromMap(map[string]string{
		"REQUEST_METHOD": "GET",
		"PATH_INFO":      "/environ",
	})})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Printf("%s\n%s", resp.Status, body)
	// Output:
	// 200 OK
	// PATH_INFO=/environ
	// REQUEST_METHOD=GET
}
