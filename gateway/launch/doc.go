// Package launch makes one program fit every way of being started: as a CGI script, on a socket
// that a web server or systemd opened for it, on addresses of its own, or from a developer's
// terminal.
//
//	func main() {
//		if err := launch.Run(context.Background(), app); err != nil {
//			fmt.Fprintln(os.Stderr, err)
//			os.Exit(1)
//		}
//	}
//
// [Run], and [Config.Run] for a program with settings, serve until a signal asks them to end.
// [Detect] decides how, by the evidence that [Look] gathers; [Rules] is its table.
//
// A program that uses this package links net/http and all protocols. One that is only ever a CGI
// script starts faster with package cgi.
package launch
