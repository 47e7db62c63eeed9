package util

// SetupTestingDefaults adds what a test needs to call an application, a GET of the root of a server
// at 127.0.0.1, and changes no variable that is there already, even an empty one:
//
//	SERVER_NAME      127.0.0.1
//	SERVER_PROTOCOL  HTTP/1.0
//	HTTP_HOST        the value of SERVER_NAME
//	REQUEST_METHOD   GET
//	SCRIPT_NAME      empty, and
//	PATH_INFO        /, these two only if both are absent
//	SERVER_PORT      443 if GuessScheme says https, else 80
//
// It is for tests, not for repairing what a web server sent. wsgiref's wsgi.* variables are fields
// of gateway.Request here.
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
