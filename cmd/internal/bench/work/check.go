package work

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/bench/load"
	"github.com/cgikit/cgikit/fastcgi/wire"
)

// patience is how long an application may take for one response.
const patience = 10 * time.Second

// mostBytes returns how many bytes of a response are read.
func (w Work) mostBytes() int { return 2 * max(Size, int(w.Size)) }

// CheckFastCGI asks an application once, or twice over one connection with keep, and returns an
// error where the response is not the right one.
func (w Work) CheckFastCGI(network, addr, script string, keep bool) error {
	conn, err := net.DialTimeout(network, addr, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	request := load.AppendBody(load.AppendHead(nil, 1, w.Variables(script), keep), 1, w.Body)
	in := wire.NewRecordReader(conn)
	for range map[bool]int{false: 1, true: 2}[keep] {
		if _, err := conn.Write(request); err != nil {
			return err
		}
		if err := w.checkRecords(in); err != nil {
			return err
		}
	}
	return nil
}

func (w Work) checkRecords(in *wire.RecordReader) error {
	var stdout []byte
	for len(stdout) <= w.mostBytes() {
		h, content, err := in.Next()
		if err != nil {
			return fmt.Errorf("after %.200q: %w", stdout, err)
		}
		switch h.Type {
		case wire.TypeStdout:
			stdout = append(stdout, content...)
		case wire.TypeEndRequest:
			_, body, _ := bytes.Cut(stdout, []byte("\r\n\r\n"))
			return w.compare(body, stdout)
		}
	}
	return fmt.Errorf("a response over %d bytes", w.mostBytes())
}

func (w Work) compare(body, all []byte) error {
	if !bytes.Equal(body, w.Answer()) {
		return fmt.Errorf("%s: answered %.200q, %d bytes of body; want %d", w.Name, all, len(body), len(w.Answer()))
	}
	return nil
}

// CheckHTTP asks a web server once, and returns an error where the response is not the right one.
func (w Work) CheckHTTP(addr, path string) error {
	r, err := http.NewRequest(w.Method(), "http://"+addr+path+"?"+w.Query(), bytes.NewReader(w.Body))
	if err != nil {
		return err
	}
	for i := range w.echoed() {
		r.Header.Set(Field(i+1), fieldText(i+1))
	}
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(w.mostBytes())))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("answered %s, %.200q", resp.Status, body)
	}
	if err != nil {
		return err
	}
	return w.compare(body, body)
}
