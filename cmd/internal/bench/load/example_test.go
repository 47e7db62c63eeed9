package load_test

import (
	"fmt"

	"github.com/cgikit/cgikit/cmd/internal/bench/load"
)

func ExampleRecords() {
	var answer load.Records
	sent := "\x01\x06\x00\x01\x00\x05\x03\x00hello\x00\x00\x00" + "\x01\x03\x00\x01\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	fmt.Println(answer.Take([]byte(sent)), answer.Body, answer.Whole(1))
	// Output: <nil> 5 true
}

func ExampleSomeVariables() {
	all := load.SomeVariables(25)
	fmt.Println(len(all), all[2], all[24])
	// Output: 25 [REQUEST_METHOD GET] [HTTP_X_FIELD_0024 a value of 16 b.]
}

func ExampleVariables() {
	all := load.Variables(map[string]string{"REQUEST_METHOD": "POST", "HTTP_X_EXTRA": "1"})
	fmt.Println(len(all), all[2], all[len(all)-1])
	// Output: 24 [REQUEST_METHOD POST] [HTTP_X_EXTRA 1]
}
