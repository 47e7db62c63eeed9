// Package gofastconn calls FastCGI applications through github.com/yookoala/gofast. It is for programs that use gofast already, and
// the first of this module's FastCGI clients.
//
//	backend := &gofastconn.Client{Addr: "unix:/run/php/php-fpm.sock"}
//	app := gateway.Forward(backend)
//
// gofast encodes and sends the request; the connection that it is given takes the response itself. gofast v0.8.0 alone has traps that
// this closes:
//
//   - A response whose application dies, or that ends without END_REQUEST, is an error and no short body (FastCGI section 5.5).
//   - FCGI_OVERLOADED, FCGI_CANT_MPX_CONN and FCGI_UNKNOWN_ROLE are errors, and appStatus is Response.ExitStatus.
//   - Records of another version or another request are errors.
//   - A line of the head may be longer than 1,023 bytes, and the head is read by the rules of gateway.ReadResponse.
//   - An application that answers without reading the body ends the sending.
//   - The end of the request's context closes the connection; each wait is bounded.
//   - A body that fails is never sent as if it were whole.
//
// # What remains of gofast
//
// Its parameters are a map: the order of the environ is lost, and of a name that is there twice only the last value is sent. A body
// goes out when 65,535 bytes of it are there or it has ended, in pieces of 1,024 bytes as it is read. The flag KEEP_CONN is always set,
// but each request has a connection of its own, which is closed behind it: an application that counts on the flag sees that it is
// closed. A request costs about 200 KB and six goroutines.
package gofastconn
