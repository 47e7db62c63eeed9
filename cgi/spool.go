package cgi

import (
	"cmp"
	"fmt"
	"io"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// spoolMemory is how much of a body waits in memory. Forms fit, and a process that lives for one request can afford it.
const spoolMemory = 1 << 20

// spool holds bytes in their order: the first MiB in memory, the others in a temporary file.
type spool struct {
	most   int64 // bytes, in memory and in the file together
	memory []byte
	file   *util.TempFile // positioned at what is to be read next
}

// fill adds what r has, up to the bound. Its error is for whoever reads to the end of the spool: all before it is there.
func (s *spool) fill(r io.Reader) (err error) {
	inMemory := min(s.most, spoolMemory)
	s.memory, err = io.ReadAll(io.LimitReader(r, inMemory))
	if err != nil || int64(len(s.memory)) < inMemory {
		return err
	}
	if s.most > inMemory {
		if err := s.fillFile(io.LimitReader(r, s.most-inMemory)); err != nil {
			return fmt.Errorf("cgi: keep the request body: %w", err)
		}
	}
	if n, _ := r.Read(make([]byte, 1)); n == 0 {
		return nil
	}
	return fmt.Errorf("cgi: keep the request body: %w", &gateway.BodyTooLargeError{Limit: s.most})
}

func (s *spool) fillFile(r io.Reader) (err error) {
	if s.file, err = util.CreateTempFile(""); err != nil {
		return err
	}
	_, err = io.Copy(s.file, r)
	_, seekErr := s.file.Seek(0, io.SeekStart)
	return cmp.Or(err, seekErr)
}

func (s *spool) Read(p []byte) (int, error) {
	if len(s.memory) > 0 {
		n := copy(p, s.memory)
		s.memory = s.memory[n:]
		return n, nil
	}
	if s.file == nil {
		return 0, io.EOF
	}
	return s.file.Read(p)
}

func (s *spool) close() {
	if s.file != nil {
		s.file.Close()
	}
}
