// Package wire encodes and decodes FastCGI (FastCGI section 3): records, name-value pairs, and the
// contents of the records that begin and end a request or manage a connection. Its functions
// convert between bytes and values. They use no connection, keep no state, and may be called by
// several goroutines at the same time.
//
// Package fastcgi is built on it. A tool that reads, checks or sends records itself can use it too.
package wire
