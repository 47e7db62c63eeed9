package main

import (
	"fmt"

	"github.com/spf13/pflag"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/util"
)

// bufferOptions set the buffering that keeps slow clients from occupying the target. The zero value
// buffers within the default sizes.
type bufferOptions struct {
	stream        bool
	memory, files bufferSize
	dir           string
}

func (o *bufferOptions) addFlags(f *pflag.FlagSet) {
	f.BoolVar(&o.stream, "stream", false, "stream requests and responses instead of buffering them for slow clients")
	f.Var(&o.memory, "buffer-memory", "`size` of the buffers in memory, for all requests together (default 256M); 0 buffers only in files")
	f.Var(&o.files, "buffer-files", "`size` of the buffers in temporary files, for all requests together (default 4G); 0 buffers only in memory")
	f.StringVar(&o.dir, "spool-dir", "", "`folder` of the temporary files (default that of the system)")
}

// budget returns the buffer space that the flags allow. It fails if temporary files cannot be made.
func (o *bufferOptions) budget() (*exchange.Budget, error) {
	if o.dir != "" {
		f, err := util.CreateTempFile(o.dir)
		if err != nil {
			return nil, cli.Usage(fmt.Errorf("--spool-dir: %w", err), "the folder must exist, and this process must be able to create files in it")
		}
		f.Close()
	}
	return &exchange.Budget{MemoryBytes: int64(o.memory), FileBytes: int64(o.files), Dir: o.dir}, nil
}

// bufferSize is the value of a flag, in the form of a Budget: 0 if the flag is not given, and -1 if
// it is 0.
type bufferSize int64

// Set implements pflag.Value.
func (b *bufferSize) Set(s string) error {
	var n byteSize
	if err := n.Set(s); err != nil {
		return err
	}
	if *b = bufferSize(n); n == 0 {
		*b = -1
	}
	return nil
}

// String implements pflag.Value.
func (b *bufferSize) String() string {
	switch {
	case *b < 0:
		return "0"
	case *b == 0:
		return ""
	}
	return (*byteSize)(b).String()
}

// Type implements pflag.Value.
func (*bufferSize) Type() string { return "size" }
