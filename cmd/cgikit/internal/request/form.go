package request

import (
	"context"
	"crypto/rand"
	"fmt"
	"mime"
	"path/filepath"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// newForm makes the body of a form with files (RFC 7578).
func (r *Request) newForm(ctx context.Context) (*body, error) {
	boundary := "cgikit-" + rand.Text()
	b := &body{contentType: "multipart/form-data; boundary=" + boundary}
	for _, text := range r.Form {
		f, err := parseFormPart(text)
		if err == nil {
			b.addText("--" + boundary + "\r\n" + f.head() + "\r\n")
			err = r.addFormContent(ctx, b, f)
		}
		if err != nil {
			b.close()
			return nil, err
		}
		b.addText("\r\n")
	}
	b.addText("--" + boundary + "--\r\n")
	return b, nil
}

// formPart is a part of a form: a text, or the content of a file.
type formPart struct {
	name, text  string
	file        string // "-" is standard input; empty for a text
	upload      bool   // the file is sent as one, with its name
	fileName    string
	contentType string
}

// parseFormPart reads NAME=VALUE, NAME=@FILE and NAME=<FILE. A file may be followed by ;type=TYPE
// and ;filename=NAME.
func parseFormPart(s string) (f formPart, err error) {
	name, value, found := strings.Cut(s, "=")
	if !found || name == "" {
		return f, cli.Usage(fmt.Errorf("-F %.100q is not NAME=VALUE", s), "write -F NAME=VALUE, or -F NAME=@FILE for a file")
	}
	f.name = name
	if value == "" || value[0] != '@' && value[0] != '<' {
		f.text = value
		return f, nil
	}
	f.upload = value[0] == '@'
	file, rest, _ := strings.Cut(value[1:], ";")
	f.file, f.fileName = file, filepath.Base(file)
	for option := range strings.SplitSeq(rest, ";") {
		switch key, value, _ := strings.Cut(strings.TrimSpace(option), "="); key {
		case "":
		case "type":
			f.contentType = value
		case "filename":
			f.fileName = value
		default:
			return f, cli.Usage(fmt.Errorf("-F %.100q has an option that is not known", s), ";type=TYPE and ;filename=NAME may follow a file")
		}
	}
	if f.upload && f.contentType == "" {
		f.contentType = mime.TypeByExtension(filepath.Ext(f.fileName))
	}
	return f, checkLines(s, f.contentType)
}

// checkLines refuses a line end in a content type, which would begin another field.
func checkLines(s, contentType string) error {
	if strings.ContainsAny(contentType, "\r\n") {
		return cli.Usage(fmt.Errorf("-F %.100q has a line end in its type", s), "write ;type=TYPE/SUBTYPE")
	}
	return nil
}

// head is the fields before the content, each with its line end.
func (f formPart) head() string {
	head := `Content-Disposition: form-data; name="` + quoteName(f.name) + `"`
	if f.upload {
		head += `; filename="` + quoteName(f.fileName) + `"`
		if f.contentType == "" {
			f.contentType = "application/octet-stream"
		}
	}
	head += "\r\n"
	if f.contentType != "" {
		head += "Content-Type: " + f.contentType + "\r\n"
	}
	return head
}

// quoteName encodes a name as browsers do.
func quoteName(name string) string {
	return strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A").Replace(name)
}

func (r *Request) addFormContent(ctx context.Context, b *body, f formPart) error {
	if f.file == "" {
		b.addText(f.text)
		return nil
	}
	return r.addFile(ctx, b, f.file)
}
