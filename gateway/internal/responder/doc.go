// Package responder has throw-away applications for the tests of web servers: they speak FastCGI
// and SCGI by code of their own, so that these tests do not depend on the module's transports, and
// see what is on the wire before any rule applies to it.
package responder
