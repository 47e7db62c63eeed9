// Package webserver starts real web servers in tests: nginx, lighttpd, Apache and HAProxy, each in
// front of the test's own application, with a configuration of the module's testdata/conf.
//
// A server needs one line:
//
//	s := webserver.Start(t, webserver.Config{Template: "nginx-scgi", Mount: "/app", Backend: listener.Addr()})
//	resp, err := http.Get(s.URL + "/hello")
//
// The server runs in the foreground as a child of the test, on a loopback port that the system
// picks, with all its files in one folder. When the test ends, the server is stopped and the folder
// removed. If the test failed, it prints the error log of the server.
//
// A test is skipped when its server is not on the machine, with a line that names the server. It
// fails instead when the environment variable CGIKIT_REQUIRE, a list such as
// "nginx,lighttpd,apache2,haproxy", has the name of the server.
//
// The package runs servers on Unix systems only. On others every test is skipped.
//
// It serves this module's own tests, in gateway, cgi, scgi, fastcgi and cmd. Authors of other
// gateways need gatewaytest only.
package webserver
