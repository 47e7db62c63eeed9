package tour

// words is the text about a deployment: how it works, and how its environ differs.
type words struct {
	How    string
	Wire   string // between the web server and the Peer
	Peer   string
	Adds   []remark
	Lacks  []remark
	Order  string // "" if the order is that of plain HTTP
	Nature string // what the protocol can do
}

// remark is a text about one variable.
type remark struct{ Name, Why string }

// describe compares a deployment's environ with that of plain HTTP, from which the others are made.
func describe(a, plain answer) words {
	w := words{How: how(a.Name), Wire: a.Name, Peer: "your app", Nature: nature(a.Name)}
	switch a.Name {
	case "HTTP":
		w.Wire = "call"
	case "CGI":
		w.Wire, w.Peer = "start", "program"
	}
	if a.Environ == nil || plain.Environ == nil || a.deployment == plain.deployment {
		return w
	}
	w.Adds = remarks(missing(plain.Environ, a.Environ), whyAdded)
	w.Lacks = remarks(missing(a.Environ, plain.Environ), whyLacking)
	if !sameOrder(a.Environ, plain.Environ) {
		w.Order = "The variables are in another order."
	}
	return w
}

func remarks(names []string, why func(name string) string) []remark {
	var list []remark
	for _, name := range names {
		list = append(list, remark{name, why(name)})
	}
	return list
}

func how(deployment string) string {
	switch deployment {
	case "HTTP":
		return "Called as a function: the application is a part of the web server's process."
	case "FastCGI":
		return "Called over a socket. The process stays, and one connection can carry several requests at a time."
	case "SCGI":
		return "Called over a socket. The process stays, and each request has its own connection."
	case "CGI":
		return "Started as a program for this one request. Most of the time is its start."
	}
	return ""
}

func nature(deployment string) string {
	switch deployment {
	case "HTTP":
		return "The environ of the other three is made from this one: the meta-variables of RFC 3875, filled in from the browser's request. " +
			"The application shares its process with the web server."
	case "FastCGI":
		return "The protocol also has a stream for the web server's error log, an exit status, and a message that aborts a request. " +
			"A response has an end mark, so a broken one is always noticed."
	case "SCGI":
		return "The simplest of the protocols: the variables as one netstring, the body, and then the response until the connection closes. " +
			"It has no error stream and no exit status, and cannot send a body of unknown length. A reset of the connection breaks a response."
	case "CGI":
		return "The variables are the process's environment, so they include those that the gateway gives every process. " +
			"Exit status 1 breaks a response, but not every web server checks it."
	}
	return ""
}

func whyAdded(name string) string {
	switch name {
	case "SCGI":
		return "the version of the protocol, in every request (SCGI section 3)"
	case "CONTENT_LENGTH":
		return "the first variable of every request, 0 for an empty body (SCGI section 3)"
	case "PATH":
		return "that of the gateway, so that a script finds programs"
	case "TMPDIR", "TMP", "TEMP":
		return "passed on by this demo, for the temporary file of the download"
	case "SYSTEMROOT":
		return "needed by every process on Windows"
	}
	return "from the environment of the process"
}

func whyLacking(name string) string {
	if name == "CONTENT_LENGTH" {
		return "not sent for an empty body"
	}
	return "not sent"
}
