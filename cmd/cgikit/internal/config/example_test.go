package config_test

import (
	"fmt"
	"os"

	"github.com/cgikit/cgikit/cmd/cgikit/internal/config"
	"github.com/cgikit/cgikit/cmd/internal/cli"
)

func Example() {
	err := config.Write(os.Stdout, config.Options{Server: "lighttpd", Target: "scgi://127.0.0.1:4000", Mount: "/app"})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// server.modules += ( "mod_scgi" )
	//
	// # A condition is needed: as a key, "/app" would also match "/apple".
	// $HTTP["url"] =~ "^/app(/|$)" {
	// 	scgi.server = ( "/app" => ((
	// 		"host" => "127.0.0.1",
	// 		"port" => 4000,
	// 		# The application decides which paths exist: lighttpd looks for no file below the document
	// 		# root.
	// 		"check-local" => "disable",
	// 		# With the mount "/", lighttpd sends the whole path as PATH_INFO and an empty SCRIPT_NAME.
	// 		# By default it is the other way round.
	// 		"fix-root-scriptname" => "enable",
	// 	)))
	// }
}

func ExampleWrite_notSpoken() {
	err := config.Write(os.Stdout, config.Options{Server: "haproxy", Target: "scgi://127.0.0.1:4000"})
	fmt.Println(err)
	fmt.Println("hint:", cli.Hint(err))
	// Output:
	// haproxy does not speak SCGI
	// hint: put cgikit in between: cgikit serve -l fastcgi+unix:/run/app.sock TARGET, and cgikit config haproxy fastcgi+unix:/run/app.sock
}
