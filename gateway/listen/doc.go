// Package listen is where the servers of this module listen: the grammar of addresses, the listeners that it describes, and
// one listener for all protocols ([Split]). It knows no protocol but by its first byte.
//
// # Addresses
//
// One grammar serves in code and on the command line:
//
//	http://127.0.0.1:8080               a protocol (http, fastcgi, scgi, auto) over TCP
//	fastcgi+unix:/run/app.sock          over a unix socket; also fastcgi+unix:///run/app.sock
//	scgi+unix:/run/app.sock?mode=0660&owner=www-data&group=www-data
//	scgi+unix:@app                      over an abstract unix socket (Linux)
//	fastcgi+fd:0                        on a listening socket inherited as descriptor 0
//	fastcgi+systemd:NAME                on a socket that systemd passed, by name or index, or the only one
//	auto://127.0.0.1:9000               all protocols on one listener
//	cgi:/srv/cgi-bin                    a folder of CGI scripts, or one script (only to be called)
//	files:/srv/www                      a folder of files (only to be called)
//	demo:                               the demo application (only to be called)
//
// A server of one protocol also takes an address without it:
//
//	127.0.0.1:9000   [::1]:9000   localhost:9000   :9000   9000
//	unix:/run/app.sock   /run/app.sock   fd:0   systemd:NAME
//
// A TCP address without a host is 127.0.0.1, and no other: nobody listens to the world by leaving something out. All
// addresses of the machine are 0.0.0.0:9000 (IPv4) or [::]:9000 (both). The options of a unix socket are mode (octal, 0660
// if left out), owner and group (name or number), and takeover=1, by which a new process takes the place of one that still
// serves there; they follow a question mark, which the path therefore cannot hold.
// Schemes may be in either case. Nothing is percent-encoded.
package listen
