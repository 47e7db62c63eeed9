// Command cgikit serves and shows applications of module cgikit.
//
//	cgikit demo                                one application in four deployments, in the browser
//	cgikit serve -l LISTEN [-l LISTEN] TARGET  a target behind HTTP, FastCGI or SCGI
//	cgikit ping [TARGET...]                    whether an application is healthy, and why not
//
// "cgikit help" tells the rest. Results go to standard output and all else to standard error. The
// exit status is 0, 1 for a failure and 2 for a mistake in the command line.
package main
