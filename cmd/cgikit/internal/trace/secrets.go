package trace

import (
	"regexp"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// variableLength is how much of a variable's value is shown.
const variableLength = 200

// formatVariables returns a line for each variable that the record completes, with secrets masked.
func (p *Printer) formatVariables(e *Event) string {
	text := ""
	for _, v := range e.Variables {
		text += "          | " + quoteCut(v.Name, 64) + "=" + quoteCut(p.mask(v.Name, v.Value), variableLength) + "\n"
	}
	return text
}

func (p *Printer) mask(name, value string) string {
	if p.Secrets {
		return value
	}
	return cli.Mask(name, value)
}

// secretFields are the fields of a response's head that identify a user.
var secretFields = regexp.MustCompile(`(?im)^(set-cookie|authorization|proxy-authorization|cookie)(:[ \t]*)[^\r\n]+`)

// shownContent is the content as it may be shown. Without Secrets it has no variables, which are
// shown by name, and no value of a field that identifies a user. A field that continues in the next
// record is masked in this one only.
func (p *Printer) shownContent(e *Event) []byte {
	switch {
	case p.Secrets:
		return e.Content
	case e.Kind == "PARAMS" || e.Kind == "head":
		return nil
	}
	return secretFields.ReplaceAll(e.Content, []byte("${1}${2}"+cli.Masked))
}
