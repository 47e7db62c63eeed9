package exchange

import (
	"io"
	"io/fs"
	"os"
	"time"
)

// Opened is a regular file or a folder that [Folder.Load] has opened. The caller closes it.
type Opened struct {
	File    *os.File    // nil if Content has the whole file
	Content []byte      // of a small file; nil if File is set
	Mode    fs.FileMode // type and permissions
	Size    int64       // in bytes
	ModTime time.Time
}

// Close closes File, if it is set.
func (o *Opened) Close() {
	if o.File != nil {
		o.File.Close()
	}
}

// newOpened returns what is known of file. It closes the file if it fails.
func newOpened(file *os.File) (*Opened, error) {
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, err
	}
	return &Opened{File: file, Mode: info.Mode(), Size: info.Size(), ModTime: info.ModTime()}, nil
}

// isSmall reports whether the content of a file is to be read at once.
func (o *Opened) isSmall(most int64) bool { return o.Mode.IsRegular() && o.Size <= most }

// readContent reads the file from r. If the file has become shorter since, Size becomes
// the length that was read.
func (o *Opened) readContent(r io.Reader) error {
	text := make([]byte, o.Size)
	n, err := io.ReadFull(r, text)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return err
	}
	o.Content, o.Size = text[:n], int64(n)
	return nil
}
