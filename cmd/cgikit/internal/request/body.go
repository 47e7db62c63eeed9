package request

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/util"
)

// Datum is one of the flags that make a body, or with -G a query.
type Datum struct {
	Kind Kind
	Text string
}

// Kind is what a Datum's text means.
type Kind int

// The kinds of data, as curl has them.
const (
	Plain   Kind = iota // -d: a text, or @file without its line ends
	Binary              // --data-binary: a text, or @file as it is
	Encoded             // --data-urlencode: "value", "=value", "name=value", "@file", "name@file"
)

// maxFileInMemory bounds a file whose bytes must be changed before they are sent.
const maxFileInMemory = 64 << 20

const formType = "application/x-www-form-urlencoded"

// body is a request body of known length, which can be sent more than once.
type body struct {
	parts       []part
	contentType string
}

// part is a text, a file that is opened for each exchange, or standard input, which waits in a
// temporary file.
type part struct {
	text  string
	file  string
	spool *util.TempFile
	size  int64 // of file or spool, in bytes
}

// newBody returns the body that the flags make, nil for none. With -G it is a query.
func (r *Request) newBody(ctx context.Context) (b *body, query string, err error) {
	switch {
	case r.XMLRPC != "":
		b, err = r.newXMLCall(ctx)
	case r.JSONRPC != "":
		b, err = r.newJSONCall(ctx)
	case len(r.Form) > 0:
		b, err = r.newForm(ctx)
	case len(r.Data) > 0:
		b, err = r.newData(ctx)
	}
	if err != nil || !r.InQuery || len(r.Data) == 0 {
		return b, "", err
	}
	defer b.close()
	query, err = b.text()
	return nil, query, err
}

// newData joins the data by &.
func (r *Request) newData(ctx context.Context) (*body, error) {
	b := &body{contentType: formType}
	for i, d := range r.Data {
		if i > 0 {
			b.addText("&")
		}
		if err := r.addDatum(ctx, b, d); err != nil {
			b.close()
			return nil, err
		}
	}
	return b, nil
}

func (r *Request) addDatum(ctx context.Context, b *body, d Datum) error {
	file, isFile := strings.CutPrefix(d.Text, "@")
	switch {
	case d.Kind == Encoded:
		text, err := r.encodeDatum(ctx, d.Text)
		b.addText(text)
		return err
	case !isFile:
		b.addText(d.Text)
		return nil
	case d.Kind == Plain:
		text, err := r.readFile(ctx, file)
		b.addText(strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(text))
		return err
	}
	return r.addFile(ctx, b, file)
}

// encodeDatum percent-encodes the content of --data-urlencode.
func (r *Request) encodeDatum(ctx context.Context, text string) (string, error) {
	i := strings.IndexAny(text, "=@")
	if i < 0 {
		return url.QueryEscape(text), nil
	}
	name, content := text[:i], text[i+1:]
	if text[i] == '@' {
		var err error
		if content, err = r.readFile(ctx, content); err != nil {
			return "", err
		}
	}
	if name != "" {
		name += "="
	}
	return name + url.QueryEscape(content), nil
}

// readFile returns the content of a file, "-" for standard input, within maxFileInMemory.
func (r *Request) readFile(ctx context.Context, file string) (string, error) {
	var b body
	defer b.close()
	if err := r.addFile(ctx, &b, file); err != nil {
		return "", err
	}
	if b.size() > maxFileInMemory {
		return "", cli.Usage(fmt.Errorf("file %.200q is larger than %d MiB", file, maxFileInMemory>>20), "--data-binary @FILE sends a file of any size, as it is")
	}
	return b.text()
}

// addFile adds a file, "-" for standard input. A file that is not regular is read now, since its
// length must be known.
func (r *Request) addFile(ctx context.Context, b *body, file string) error {
	if file == "-" {
		return b.addStream(ctx, r.Stdin, "standard input")
	}
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return noFile(file, err)
	case info.IsDir():
		return cli.Usage(fmt.Errorf("body file %.200q is a folder", file), "@ is followed by a file")
	case info.Mode().IsRegular():
		f, err := os.Open(file)
		if err != nil {
			return noFile(file, err)
		}
		f.Close()
		b.parts = append(b.parts, part{file: file, size: info.Size()})
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return noFile(file, err)
	}
	defer f.Close()
	return b.addStream(ctx, f, file)
}

func noFile(file string, err error) error {
	return cli.Usage(fmt.Errorf("body file %.200q: %w", file, cli.WithoutPath(err)), "@ is followed by a file that can be read; @- is standard input")
}

// addStream keeps what r has in a temporary file. The end of ctx ends the wait for r.
func (b *body) addStream(ctx context.Context, r io.Reader, name string) error {
	f, err := util.CreateTempFile("")
	if err != nil {
		return err
	}
	var n int64
	done := make(chan error, 1)
	go func() {
		var err error
		n, err = io.Copy(f, r)
		done <- err
	}()
	select {
	case err = <-done:
	case <-ctx.Done():
		f.Close() // ends the copy at its next write; a read of a terminal cannot be ended
		return waitError(ctx, "the body was read from "+name)
	}
	if err != nil {
		f.Close()
		return fmt.Errorf("read %s: %w", name, cli.WithoutPath(err))
	}
	b.parts = append(b.parts, part{spool: f, size: n})
	return nil
}

func (b *body) addText(text string) { b.parts = append(b.parts, part{text: text}) }

// size returns the length in bytes.
func (b *body) size() (n int64) {
	for _, p := range b.parts {
		n += int64(len(p.text)) + p.size
	}
	return n
}

// text returns the whole body.
func (b *body) text() (string, error) {
	r, err := b.open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	return string(content), err
}

// open returns a reader of the body, from its start. Texts alone are a *strings.Reader, which is
// sent in one piece.
func (b *body) open() (io.ReadCloser, error) {
	var s stream
	var readers []io.Reader
	for _, p := range b.parts {
		reader, err := s.openPart(p)
		if err != nil {
			s.Close()
			return nil, err
		}
		readers = append(readers, reader)
	}
	s.Reader = io.MultiReader(readers...)
	return &s, nil
}

// stream is an open body.
type stream struct {
	io.Reader
	files []*os.File
}

func (s *stream) openPart(p part) (io.Reader, error) {
	switch {
	case p.spool != nil:
		return io.NewSectionReader(p.spool, 0, p.size), nil
	case p.file == "":
		return strings.NewReader(p.text), nil
	}
	f, err := os.Open(p.file)
	if err != nil {
		return nil, noFile(p.file, err)
	}
	s.files = append(s.files, f)
	return io.LimitReader(f, p.size), nil // as many bytes as were announced, should it grow
}

// Close implements io.Closer.
func (s *stream) Close() error {
	for _, f := range s.files {
		f.Close()
	}
	return nil
}

// close removes what the body keeps. A nil body keeps nothing.
func (b *body) close() {
	if b == nil {
		return
	}
	for _, p := range b.parts {
		if p.spool != nil {
			p.spool.Close()
		}
	}
}
