// Command cgikit serves, calls and checks CGI, FastCGI and SCGI applications.
//
//	cgikit demo                                one application in four deployments, in the browser
//	cgikit serve -l LISTEN [-l LISTEN] TARGET  a target over HTTP, FastCGI or SCGI
//	cgikit spawn -l LISTEN -- PROGRAM          a FastCGI or SCGI program as several processes
//	cgikit request TARGET [PATH]               a request to an application, as curl sends it
//	cgikit ping [TARGET...]                    whether an application is healthy, and why not
//	cgikit check TARGET [ID...]                whether it keeps the rules of its protocol
//	cgikit trace LISTEN TARGET                 the records that pass between two programs
//	cgikit config SERVER                       the configuration of a web server in front
//
// "cgikit help" lists all verbs. Results go to standard output, and all other lines to standard
// error. The exit status is 0, 1 for a failure and 2 for a mistake in the command line.
package main
