package fastcgi_test

import "testing"

// differences is the one list of what nethttp does differently, because net/http/fcgi does. The
// name is that of the stream of TestEngines which shows it, a vector's among them; where only a
// certain test can, that is named too. An entry that does not differ any more fails.
var differences = map[string]struct{ reason, test string }{
	"authorizer":              {reason: "net/http/fcgi has the responder role only"},
	"authorizer asked":        {reason: "net/http/fcgi has the responder role only"},
	"filter":                  {reason: "net/http/fcgi has the responder role only"},
	"appStatus":               {reason: "net/http/fcgi ends every request with an appStatus of 0"},
	"/goexit":                 {reason: "what waits in net/http/fcgi's buffer is lost when the goroutine ends: here the error page"},
	"values":                  {reason: "net/http/fcgi answers GET_VALUES with FCGI_MPXS_CONNS alone, and one more record"},
	"get-values":              {reason: "net/http/fcgi answers GET_VALUES with FCGI_MPXS_CONNS alone, and one more record"},
	"get-values-none":         {reason: "net/http/fcgi answers GET_VALUES with FCGI_MPXS_CONNS, whatever was asked"},
	"unknown management":      {reason: "net/http/fcgi ignores management records that it does not know"},
	"unknown-management-type": {reason: "net/http/fcgi ignores management records that it does not know"},
	"/fields":                 {reason: "net/http/fcgi sends its own reason phrase, and the fields by their names"},
	"/stderr":                 {reason: "net/http/fcgi has no FCGI_STDERR for its handler"},
	"aborted and begun again": {reason: "net/http/fcgi calls its handler with the first record of STDIN; here the App is not called"},

	"head":           {reason: "net/http/fcgi sends its own reason phrase, the fields by their names, and a Date", test: "TestExactResponse"},
	"GET_VALUES":     {reason: "net/http/fcgi answers with FCGI_MPXS_CONNS, whatever was asked", test: "TestGetValues"},
	"UNKNOWN_TYPE":   {reason: "net/http/fcgi ignores management records that it does not know", test: "TestIgnored"},
	"CONTENT_LENGTH": {reason: "net/http/fcgi answers 500 where it cannot read CONTENT_LENGTH", test: "TestBadEnviron"},
	"FCGI_STDERR":    {reason: "net/http/fcgi has no FCGI_STDERR for its handler: ErrorLog has what failed", test: "TestPanicCostsOneRequest"},
	"padding":        {reason: "net/http/fcgi pads every record, and nginx holds a flushed head with padding back", test: "TestNginx"},
	"unread body":    {reason: "net/http/fcgi reads no further while an App does not take a record of its body", test: "TestUnreadBodyHoldsUpNobody"},
}

// differs reports whether t is about nethttp, where that does something else by the list.
func differs(t *testing.T, name string) bool {
	t.Helper()
	if differences[name].test == "" {
		t.Errorf("%q is not on the list of differences", name)
	}
	return onNethttp(t)
}
