package tour

// words is what the page says of a deployment: how it works, and what its environ has and has not.
type words struct {
	How    string
	Adds   []remark
	Lacks  []remark
	Order  string // "" where it is that of plain HTTP
	Nature string // what the protocol itself can and cannot do
}

// remark is about one variable.
type remark struct{ Name, Why string }

// describe compares a deployment's answer with that of plain HTTP, which the others got their
// environ from.
func describe(a, plain answer) words {
	w := words{How: how(a.Name), Nature: nature(a.Name)}
	if a.Environ == nil || plain.Environ == nil || a.deployment == plain.deployment {
		return w
	}
	w.Adds = remarks(missing(plain.Environ, a.Environ), whyAdded)
	w.Lacks = remarks(missing(a.Environ, plain.Environ), whyLacking)
	if !sameOrder(a.Environ, plain.Environ) {
		w.Order = "The variables came in another order."
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
		return "Called in this process, with no protocol in between."
	case "FastCGI":
		return "Asked over a FastCGI connection. The process stays and takes several requests at a time."
	case "SCGI":
		return "Asked over an SCGI connection. The process stays; each request has a connection of its own."
	case "CGI":
		return "Started as a program for this one request, and ended with it."
	}
	return ""
}

func nature(deployment string) string {
	switch deployment {
	case "HTTP":
		return "This is what the other three are made from: the meta-variables of RFC 3875, filled in from the browser's request. " +
			"An app called like this shares its process with the web server."
	case "FastCGI":
		return "Beside the response there is a stream of its own for the web server's error log, an exit status, and a way to abort a request. " +
			"The end of a response is marked, so a broken one is always noticed."
	case "SCGI":
		return "The simplest of the protocols: variables as one netstring, then the body, then the response until the connection closes. " +
			"No error stream, no exit status, and a body of unknown length cannot be sent. A response is broken by resetting the connection."
	case "CGI":
		return "The variables are the process's environment, so it also holds what the gateway gives every process. Starting that process is " +
			"what the time is spent on. A response is broken by exit status 1, which not every web server looks at."
	}
	return ""
}

func whyAdded(name string) string {
	switch name {
	case "SCGI":
		return "the version of the protocol, in every request (SCGI section 3)"
	case "CONTENT_LENGTH":
		return "the first variable of every request, 0 for a body that is empty (SCGI section 3)"
	case "PATH":
		return "the gateway's own, so that a script finds its programs"
	case "TMPDIR", "TMP", "TEMP":
		return "passed on by this demo, so that the download has a place"
	case "SYSTEMROOT":
		return "needed by every process on Windows"
	}
	return "from the environment of the process"
}

func whyLacking(name string) string {
	if name == "CONTENT_LENGTH" {
		return "not sent for a body that is empty"
	}
	return "did not get through"
}
