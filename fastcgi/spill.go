package fastcgi

import (
	"fmt"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// spill is the part of a body that is in a temporary file, so that an App that does not read delays nobody on its connection. The
// file is made when it is needed. The zero value is empty.
type spill struct {
	file      *util.TempFile // nil until something was written
	most      int64          // the file's size at most: what is behind that goes to its front, where all has been read
	at, until int64          // the bytes of the stream that were not read yet
}

func (s *spill) size() int64 { return s.until - s.at }

// write appends p. More than most unread bytes are a gateway.BodyTooLargeError; most must be the same in all calls.
func (s *spill) write(p []byte, most int64) error {
	if s.size()+int64(len(p)) > most {
		return &gateway.BodyTooLargeError{Limit: most}
	}
	if err := s.create(most); err != nil {
		return cannotKeep(err)
	}
	for len(p) > 0 {
		n, err := s.file.WriteAt(p[:min(int64(len(p)), most-s.until%most)], s.until%most)
		s.until, p = s.until+int64(n), p[n:]
		if err != nil {
			return cannotKeep(err)
		}
	}
	return nil
}

// cannotKeep blames the server for a temporary file that failed.
func cannotKeep(err error) error {
	return &gateway.ServerError{Status: 503, Reason: "the server cannot keep the request body", Err: fmt.Errorf("fastcgi: keeping a request body: %w", err)}
}

func (s *spill) create(most int64) error {
	if s.file != nil {
		return nil
	}
	f, err := util.CreateTempFile("")
	if err != nil {
		return err
	}
	s.file, s.most = f, most
	return nil
}

// read reads from the front. There must be something.
func (s *spill) read(p []byte) (int, error) {
	front := s.at % s.most
	n, err := s.file.ReadAt(p[:min(int64(len(p)), s.size(), s.most-front)], front)
	s.at += int64(n)
	if n > 0 {
		err = nil
	}
	if s.size() == 0 {
		s.at, s.until = 0, 0 // which keeps the file of an App that keeps up small
	}
	return n, err
}

func (s *spill) close() {
	if s.file == nil {
		return
	}
	s.file.Close()
	*s = spill{}
}
