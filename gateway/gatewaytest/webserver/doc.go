// Package webserver starts real web servers in tests: nginx, lighttpd, Apache and HAProxy, each in
// front of an application that the test brings, with a configuration of the module's testdata/conf.
//
// One row "server, transport, mount" is one line:
//
//	s := webserver.Start(t, webserver.Config{Template: "nginx-scgi", Mount: "/app", Backend: listener.Addr()})
//	resp, err := http.Get(s.URL + "/hello")
//
// The server runs in the foreground as a child of the test, on a loopback port that the system
// picked, with all its files in one folder; when the test ends it is stopped, the folder removed,
// and its error log printed if the test failed.
//
// A server that is not on the machine skips the test, with a line that names it. Where the
// environment variable CGIKIT_REQUIRE, a list like "nginx,lighttpd,apache2,haproxy", names it, the
// test fails instead, so that nothing is skipped in silence where it counts.
//
// Only Unix systems run servers here; on others every row is skipped.
//
// It is equipment of this module's own tests, in gateway, cgi, scgi, fastcgi and cmd; authors of
// other gateways need gatewaytest only.
package webserver
