package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// files are those that a run writes. They are opened before it, so that a wrong name costs no time,
// and changed after it.
type files struct {
	hdr, plot, save *file
	histogram       *hdrhistogram.Histogram // of hdr
}

// file is open, and not yet changed.
type file struct {
	*os.File
	made bool // it did not exist
}

func (b *Bench) openFiles() (*files, error) {
	f := new(files)
	var errs [3]error
	f.hdr, errs[0] = openFile("--hdr", b.HDR)
	f.plot, errs[1] = openFile("--plot", b.Plot)
	f.save, errs[2] = openFile("--save", b.Save)
	for _, err := range errs {
		if err != nil {
			f.discard()
			return nil, err
		}
	}
	return f, nil
}

// openFile returns nil for an empty name.
func openFile(flag, name string) (*file, error) {
	if name == "" {
		return nil, nil
	}
	_, err := os.Lstat(name)
	made := errors.Is(err, fs.ErrNotExist)
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return nil, cli.Usage(fmt.Errorf("%s %.200q: %w", flag, name, cli.WithoutPath(err)), "the file must be one that can be written")
	}
	return &file{f, made}, nil
}

// write replaces the content, and closes the file. A nil file is none.
func (f *file) write(content func(io.Writer) error) error {
	if f == nil {
		return nil
	}
	f.made = false
	err := f.Truncate(0)
	if err != nil && !errors.Is(err, fs.ErrInvalid) && !isDevice(f.File) {
		return cli.Failure(err, "")
	}
	if err := errors.Join(content(f), f.Close()); err != nil {
		return cli.Failure(err, "")
	}
	return nil
}

// isDevice reports whether the file is such as /dev/stdout, which cannot be cut.
func isDevice(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && !info.Mode().IsRegular()
}

// discard closes the files, and removes those that were made and not written.
func (f *files) discard() {
	for _, one := range []*file{f.hdr, f.plot, f.save} {
		if one == nil {
			continue
		}
		one.Close()
		if one.made {
			os.Remove(one.Name())
		}
	}
}

func (f *files) writeHDR(w io.Writer) error {
	_, err := f.histogram.PercentilesPrint(w, 5, 1e6)
	return err
}

// readResults reads the files of --from.
func readResults(names []string) (all []*Data, err error) {
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, cli.Usage(fmt.Errorf("--from %.200q: %w", name, cli.WithoutPath(err)), "it is a file that --save has written")
		}
		var some []*Data
		if err := json.Unmarshal(text, &some); err != nil || len(some) == 0 || some[0] == nil || len(some[0].Curve) == 0 {
			return nil, cli.Usage(fmt.Errorf("--from %.200q has no results", name), "it is a file that --save has written")
		}
		all = append(all, some...)
	}
	return all, nil
}
