package launch_test

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/launch"
)

// app answers with a greeting.
var app = gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
	w.Headers().Set("Content-Type", "text/plain")
	_, err := fmt.Fprintln(w, "hello from", r.Environ.Get("SCRIPT_NAME"))
	return err
})

// The complete main function of a program that every web server, and a developer at a terminal, can
// start.
func Example() {
	if err := launch.Run(context.Background(), app); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A program with flags must not parse them in a CGI process, where the arguments may come from the
// client.
func ExampleConfig() {
	address := flag.String("listen", "", "`address` to listen on, such as fastcgi://127.0.0.1:9000")
	if launch.Detect(launch.Look()).Mode != launch.CGI {
		flag.Parse()
	}
	config := launch.Config{App: app, Listen: []string{*address}}
	if err := config.Run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// ExampleRules prints the table by which Detect decides.
func ExampleRules() {
	for _, r := range launch.Rules() {
		fmt.Printf("%s: %s\n", r.If, r.Then)
	}
	// Output:
	// REQUEST_METHOD is set, and descriptor 0 is not a listening socket: cgi
	// a given address names an inherited socket: address
	// descriptor 0 is a listening socket: inherited
	// LISTEN_PID is this process, and LISTEN_FDS is not 0: inherited
	// Config.Listen has an address: address
	// CGIKIT_LISTEN has an address: address
	// descriptor 0 is a network connection: unusable
	// none of these: fallback
}

// The choice for a program that spawn-fcgi started.
func ExampleDetect() {
	choice := launch.Detect(launch.Evidence{Environ: []string{"PATH=/usr/bin:/bin"}, Stdin: launch.StdinListening})
	fmt.Println(choice.Mode, choice.Listen)
	fmt.Println(choice.Why)
	// Output:
	// inherited [auto+fd:0]
	// descriptor 0 is a listening socket, as web servers start FastCGI and SCGI programs
}
