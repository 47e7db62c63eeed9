// Package demo is an application to try a deployment with: the successor of wsgiref.simple_server's
// demo_app. It says hello, shows the environ it was called with, and has a page for each thing that
// a gateway can get wrong:
//
//	/         a greeting, the request's properties and its environ as a table
//	/environ  the environ as text, one NAME=value a line, in the order it was sent in
//	/form     a form, and what of it arrived
//	/file     a download of 1 MiB from a file, whose name is not ASCII
//	/stream   ten lines, one every 300 ms, each flushed by itself
//	/panic    a panic before the head is sent; with the query "late", one after the first bytes of the body
//
// Its pages are plain HTML and work without JavaScript. Links are made from SCRIPT_NAME, so it
// works wherever it is mounted.
//
// It shows whoever asks all that the web server tells its applications, and under CGI the
// environment of the process. It is made for trying things out, not for the public.
package demo
