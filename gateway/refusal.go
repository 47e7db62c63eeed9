package gateway

// Refusal is a request that a server answered without calling its App, because it breaks a rule or
// is over a limit. An access log that is an App around another does not see such requests: it needs
// the Refused field of the server.
type Refusal struct {
	// Request has what the server knows of the request: its Environ may be empty. Stdin must not be
	// read, and Request must be neither changed nor kept.
	Request *Request

	Status int   // of the answer
	Bytes  int64 // of the answer's body
	Err    error // why
}

// Refuse returns an App by which a server refuses a request. Run answers with the page of err (see
// [ErrorPage]) and calls [BaseCGIHandler.Refused].
func Refuse(err error) App { return refusing{err} }

type refusing struct{ err error }

// ServeGateway implements App, also for an App around this one.
func (a refusing) ServeGateway(ResponseWriter, *Request) error { return a.err }

// admitFor prepares the request for app, and returns why it is refused, if it is.
func (x *exchange) admitFor(app App) error {
	if err := x.admit(); err != nil {
		return err
	}
	if r, ok := app.(refusing); ok {
		return r.err
	}
	return nil
}

// refuse answers a request with the page of err and calls the hook.
func (x *exchange) refuse(err error) error {
	broken := x.fail(err)
	hook := x.response.h.Refused
	if hook == nil {
		return broken
	}
	status, text := ErrorPage(err)
	code, _ := parseLength(status[:3])
	f := &Refusal{Request: &x.request, Status: int(code), Err: err}
	if !x.response.head {
		f.Bytes = int64(len(text))
	}
	attempt(func() { hook(f) })
	return broken
}

// HeadTooLargeError is a request whose variables, or the fields that they are made of, are over a
// limit of its server. The client is told 431 (RFC 6585 section 5).
type HeadTooLargeError struct{}

// Error tells it for a log.
func (*HeadTooLargeError) Error() string {
	return "gateway: the variables of the request are over a limit"
}

func (*HeadTooLargeError) page() (status, text string) {
	return "431 Request Header Fields Too Large", "The head of the request is too large.\n"
}
