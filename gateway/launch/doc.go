// Package launch lets one program be started in every way: as a CGI script, on a socket that a web
// server or systemd opened, on addresses of its own, or from a terminal.
//
//	func main() {
//		if err := launch.Run(context.Background(), app); err != nil {
//			fmt.Fprintln(os.Stderr, err)
//			os.Exit(1)
//		}
//	}
//
// [Run], and [Config.Run] for a program with settings, serve until a signal asks the process to
// end. [Look] gathers facts about how the process was started. [Detect] decides from them how to
// serve, by the table that [Rules] returns.
//
// A program that uses this package links net/http and all protocols. One that is only ever a CGI
// script starts faster with package cgi.
package launch
