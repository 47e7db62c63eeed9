// Package wire is the form in which FastCGI travels (FastCGI section 3): records, name-value pairs,
// and the contents of the records that begin and end a request or manage a connection. Its
// functions turn bytes into values and back; they know no connection, keep no state, and may be
// called by several goroutines at the same time.
//
// Package fastcgi is built on it, and so can be a tool that reads, checks or sends records by
// itself.
package wire
