// Package spawn runs a FastCGI or SCGI program as several processes that accept connections on one
// listening socket, which each of them has as descriptor 0 (FastCGI section 2.2). It does what
// spawn-fcgi and multiwatch do together, and what mod_fcgid does inside Apache.
//
// A [Pool] has the program and the number of its workers. [Pool.Run] starts them, replaces those
// that end, and returns when all have ended. The workers accept connections themselves, so that a
// Pool adds no time to a request. Requests that arrive while a worker is replaced wait in the queue
// of the socket.
//
// No request is lost when workers are replaced ([Pool.Reload], MaxAge, MaxMemory, Idle), if the
// program finishes its request after StopSignal: php-cgi, libfcgi, FCGI.pm and programs of package
// launch do after SIGTERM. libfcgi and FCGI.pm close a connection that they accept in the moment of
// the signal, which is so rare that 50,000 requests to each of the four lose none as a rule:
//
//	go run ./cmd/internal/bench restart -requests 50000
//
// A program that ends at once loses the request that it has, as does any worker that is killed.
//
// It works on Unix. On Windows, Run returns an error.
package spawn
