package fastcgi

import (
	"fmt"
	"os"

	"github.com/cgikit/cgikit/gateway"
)

// spill is the part of a body that is in a temporary file, so that an App that does not read delays nobody on its connection. The
// file, of mode 0600, is made when it is needed, and has no name from then on where the system allows that. Its zero value is empty.
type spill struct {
	file      *os.File // nil until something was written
	name      string   // to be removed at the end, where that was not possible before
	at, until int64    // the bytes that were not read yet
}

func (s *spill) size() int64 { return s.until - s.at }

// write appends p. A file of more than most bytes, of which some may have been read, is a gateway.BodyTooLargeError.
func (s *spill) write(p []byte, most int64) error {
	if s.until+int64(len(p)) > most {
		return &gateway.BodyTooLargeError{Limit: most}
	}
	if s.file == nil {
		f, err := os.CreateTemp("", "cgikit-body-")
		if err != nil {
			return fmt.Errorf("fastcgi: keeping a request body: %w", err)
		}
		s.file = f
		if os.Remove(f.Name()) != nil {
			s.name = f.Name()
		}
	}
	n, err := s.file.WriteAt(p, s.until)
	s.until += int64(n)
	if err != nil {
		return fmt.Errorf("fastcgi: keeping a request body: %w", err)
	}
	return nil
}

// read reads from the front. There must be something.
func (s *spill) read(p []byte) (int, error) {
	n, err := s.file.ReadAt(p[:min(int64(len(p)), s.size())], s.at)
	s.at += int64(n)
	if n > 0 {
		err = nil
	}
	if s.size() == 0 {
		s.at, s.until = 0, 0 // a body may be larger than a file, as long as its App keeps up
	}
	return n, err
}

func (s *spill) close() {
	if s.file == nil {
		return
	}
	s.file.Close()
	if s.name != "" {
		os.Remove(s.name)
	}
	*s = spill{}
}
