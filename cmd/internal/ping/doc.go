// Package ping tells whether an application is healthy: the verb ping of cgikit, and all of
// cgikit-ping.
//
//	o := new(ping.Options)
//	o.AddFlags(flags)
//	...
//	err := ping.Run(ctx, o, args, streams) // the exit status is cli.Status(err)
//
// Each target gets one question. A FastCGI application is asked by FCGI_GET_VALUES, which needs no
// configuration, an SCGI application by a request, and a CGI script by a run. With --path it is a
// request for that path, and with --status the status page of php-fpm.
//
// The answer becomes a Result: OK, Warning, Busy, Unhealthy or Dead. Busy is an application that
// the kernel still queues connections for while all of its workers are occupied: to restart it
// loses the work and helps nothing. On Linux the length of that queue is read by sock_diag.
//
// The package imports neither net/http nor cobra, so that cgikit-ping stays small.
package ping
