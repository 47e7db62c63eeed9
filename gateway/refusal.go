package gateway

// Refusal is a request that a server answered without calling its App, because it breaks a rule or
// exceeds a limit. An access log that is an App around another does not see such requests; it must
// use the Refused field of the server.
type Refusal struct {
	// Request has what the server knows of the request; its Environ may be empty. Stdin must not be
	// read, and Request must be neither changed nor kept.
	Request *Request

	Status int   // of the answer
	Bytes  int64 // of the answer's body
	Err    error // why
}

// Refuse returns an App that refuses a request in place of app. If a transport passes it to Run,
// Run answers with the page of err (see [ErrorPage]), with the fields that [Identify] and
// [WithFields] around app set, and calls [BaseCGIHandler.Refused]. app is not called, and may be
// nil.
func Refuse(app App, err error) App { return refusalApp{app, err} }

type refusalApp struct {
	app App
	err error
}

// ServeGateway implements App, for an App that wraps this one.
func (a refusalApp) ServeGateway(ResponseWriter, *Request) error { return a.err }

// prepareFor prepares the request for app. Its error is the reason to refuse the request.
func (x *exchange) prepareFor(app App) error {
	o := outerOf(app)
	x.response.own = o.fields
	if o.identified { // before a rule is checked, so that a refused request has an id
		x.request.identify()
		x.response.id = x.request.id
	}
	if err := x.prepareRequest(); err != nil {
		return err
	}
	return o.refusal
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
	catchPanic(func() { hook(f) })
	return broken
}

// HeadTooLargeError reports a request whose variables, or the fields from which they are made,
// exceed a limit of the server. The status is 431 (RFC 6585 section 5).
type HeadTooLargeError struct{}

// Error returns a text for a log.
func (*HeadTooLargeError) Error() string {
	return "gateway: the variables of the request exceed a limit"
}

func (*HeadTooLargeError) publicPage() (status, text string) {
	return "431 Request Header Fields Too Large", "The head of the request is too large.\n"
}
