package fastcgi_test

import "testing"

// differences is the one list of what the engines do differently. The name is that of the stream of TestEngines which shows it; where
// only a certain test can, that is named too. An entry that does not differ any more fails.
var differences = map[string]struct{ reason, test string }{
	"authorizer":       {reason: "StdServer has the responder role only"},
	"authorizer asked": {reason: "StdServer has the responder role only"},
	"filter":           {reason: "StdServer has the responder role only"},
	"appStatus":        {reason: "net/http/fcgi ends every request with an appStatus of 0"},
	"/goexit":          {reason: "what waits in net/http/fcgi's buffer is lost when the goroutine ends: here the error page"},
	"stalled within body": {
		reason: "StdServer has one reader, which closes the connection at ReadTimeout; Server tells the App alone",
		test:   "TestBodyStalls",
	},
	"gone while stalled": {
		reason: "while StdServer's reader waits for an App to read, it does not see that the web server went away",
		test:   "TestEndsInEveryState",
	},
}

// differs reports whether t is about StdServer, where that does something else by the list.
func differs(t *testing.T, name string) bool {
	t.Helper()
	if differences[name].test == "" {
		t.Errorf("%q is not on the list of differences", name)
	}
	return onStdServer(t)
}
