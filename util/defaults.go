package util

// SetupTestingDefaults adds the variables with which a test can call an application: a GET of the
// root of a server at 127.0.0.1. It does not change a variable that is set already, even to an
// empty value:
//
//	SERVER_NAME      127.0.0.1
//	SERVER_PROTOCOL  HTTP/1.0
//	HTTP_HOST        the value of SERVER_NAME
//	REQUEST_METHOD   GET
//	SCRIPT_NAME      empty, and
//	PATH_INFO        /, these two only if both are absent
//	SERVER_PORT      443 if GuessScheme says https, else 80
//
// Use it only in tests, not to complete the variables of a web server. The wsgi.* variables of
// wsgiref are fields of gateway.Request here.
func SetupTestingDefaults(e *Environ) {
	setDefault(e, "SERVER_NAME", "127.0.0.1")
	setDefault(e, "SERVER_PROTOCOL", "HTTP/1.0")
	setDefault(e, "HTTP_HOST", e.Get("SERVER_NAME"))
	setDefault(e, "REQUEST_METHOD", "GET")
	_, hasScript := e.Lookup("SCRIPT_NAME")
	_, hasInfo := e.Lookup("PATH_INFO")
	if !hasScript && !hasInfo {
		e.Add("SCRIPT_NAME", "")
		e.Add("PATH_INFO", "/")
	}
	setDefault(e, "SERVER_PORT", defaultPort(GuessScheme(e)))
}

func setDefault(e *Environ, name, value string) {
	if _, ok := e.Lookup(name); !ok {
		e.Add(name, value)
	}
}
