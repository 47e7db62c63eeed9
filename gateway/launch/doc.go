// Package launch makes one program fit every way of being started: as a CGI script, on a socket that a web server or systemd
// opened for it, on addresses of its own, or from a developer's terminal.
//
//	func main() {
//		if err := launch.Run(context.Background(), app); err != nil {
//			fmt.Fprintln(os.Stderr, err)
//			os.Exit(1)
//		}
//	}
//
// # How the choice is made
//
// [Detect] is the table behind it; [Rules] lists its rows, and the first that fits decides:
//
//   - CGI: REQUEST_METHOD is set, and descriptor 0 is no listening socket.
//   - An address that was given names an inherited socket, as fastcgi+fd:0 and http+systemd:web do: it is listened on as it says.
//   - Descriptor 0 is a listening socket, as spawn-fcgi, lighttpd's bin-path and Apache's mod_fcgid start a program (FastCGI
//     section 2.2).
//   - systemd has passed sockets, by LISTEN_FDS.
//   - Config.Listen names addresses, and else the environment variable CGIKIT_LISTEN, separated by spaces.
//   - HTTP on 127.0.0.1:8080, or on a free port when that one is taken.
//
// On an inherited socket FastCGI, SCGI and HTTP are spoken, each connection's protocol told by its first byte. Who can connect to
// such a socket can also speak FastCGI, and so claim to be anybody: where strangers can, give its address with the one protocol
// that is meant, such as CGIKIT_LISTEN=http+systemd:0. For the same reason an address must name its protocol; auto: is all three.
// Where FCGI_WEB_SERVER_ADDRS is set (FastCGI section 3.2), inherited sockets speak FastCGI only; from peers that are not in it,
// FastCGI and SCGI connections are closed.
//
// # Flags
//
// This package reads no flags. In a CGI process the arguments may be the client's query (RFC 3875 section 4.4), so a program that
// has flags must not parse them there. This gives it -listen:
//
//	listen := flag.String("listen", "", "`address` to listen on, such as fastcgi://127.0.0.1:9000")
//	if launch.Detect(launch.Look()).Mode != launch.CGI {
//		flag.Parse()
//	}
//	err := launch.Config{App: app, Listen: []string{*listen}}.Run(ctx)
//
// # The end
//
// SIGTERM, SIGINT, SIGQUIT, SIGHUP and SIGUSR1 let the requests under way finish, and so does the end of Run's context. The second
// signal ends Run at once; where it is SIGQUIT, the process prints its goroutines and exits with status 2. A SIGHUP that was
// ignored when the process started, as under nohup, stays ignored. On Windows there is only the interrupt.
//
// Standard output or standard error that has lost its reader ends no server: a write to it fails with EPIPE, where Go
// programs die by SIGPIPE otherwise.
//
// A CGI process catches no signals but as package cgi does.
//
// # In a container
//
// A program that is process 1 is given the orphans of all processes in the container, which remain zombies until it waits for
// them, and this package does not: a program that starts others, such as CGI scripts, needs an init before it, as
// "docker run --init" has one. The command cgikit is its own.
//
// # Cost
//
// A program that uses this package links net/http and all protocols. One that is only ever a CGI script starts faster with
// package cgi.
package launch
