// Package demo is an application to try a deployment with: the successor of wsgiref.simple_server's
// demo_app. It shows a greeting and its environ, and has a page for each feature that a faulty
// gateway breaks:
//
//	/         a greeting, the request's properties and its environ as a table
//	/environ  the environ as text, one NAME=value per line, in the order in which it was sent
//	/form     a form, and the fields that arrived
//	/file     a download of 1 MiB from a file, whose name is not ASCII
//	/stream   ten lines, one every 300 ms, each flushed by itself
//	/panic    a panic before the head is sent; with the query "late", one after the first bytes of the body
//
// Its pages are plain HTML and work without JavaScript. Links begin with SCRIPT_NAME, so the
// application works at any mount point.
//
// It shows every client the variables that the web server sends to applications, except secrets,
// and under CGI also the environment of the process. Use it for tests, not on a public server.
package demo
