package gatewaytest

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// fileContent is many times larger than all buffers between the App and the client.
const fileContent content = 20 << 20

// fileCases check bodies that are files.
var fileCases = []Case{
	{
		Name: "file-of-20-megabytes",
		Rule: "a file is sent complete, with its declared length (wsgi.file_wrapper)",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			w.Headers().Set("Content-Length", fmt.Sprint(int64(fileContent)))
			return withFile(fileContent, func(f *os.File) (int64, error) { return io.Copy(w, f) })
		},
		drive: func(p *probe) {
			p.large(request{}, fileContent)
		},
	},
	{
		Name: "part-of-a-file",
		Rule: "part of a file is sent after other bytes, without a declared length (wsgi.file_wrapper)",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			io.WriteString(w, "head ")
			err := withFile(300_000, func(f *os.File) (int64, error) { return io.CopyN(w, util.NewFileWrapper(f, 0), 250_000) })
			if err == nil {
				_, err = io.WriteString(w, " tail")
			}
			return err
		},
		drive: func(p *probe) {
			part, _ := io.ReadAll(content(250_000).reader())
			p.want("body", string(p.get("/", 200).body), "head "+string(part)+" tail")
		},
	},
}

// withFile calls send with a temporary file that holds c, and removes the file afterwards.
func withFile(c content, send func(f *os.File) (int64, error)) error {
	f, err := os.CreateTemp("", "gatewaytest")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := c.write(f); err != nil {
		return err
	}
	_, err = send(f)
	return err
}

// streamCases check bodies that arrive while the App is working.
var streamCases = []Case{
	{
		Name: "streamed",
		Rule: "what an App flushes reaches the client before the App goes on",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			w.Headers().Set("Content-Type", "text/event-stream")
			for i := range 3 {
				fmt.Fprintf(w, "data: %d\n\n", i)
				if err := w.Flush(); err != nil {
					return err
				}
				if err := waitAtGate(r); err != nil {
					return err
				}
			}
			return nil
		},
		drive: func(p *probe) {
			g := p.newGate()
			defer g.close()
			resp, cancel := p.start(request{limit: p.prompt, fields: []string{gateField, g.field()}})
			defer cancel()
			defer resp.Body.Close()
			for i := range 3 {
				got, err := readExactly(resp, len("data: 0\n\n"))
				if want := fmt.Sprintf("data: %d\n\n", i); got != want || err != nil {
					p.fatalf("got %q, %v, while the App waits after part %d; want that part", got, err, i)
				}
				if err := g.release(); err != nil {
					p.fatalf("the App did not come to its gate: %v", err)
				}
			}
			if rest, err := io.ReadAll(resp.Body); len(rest) > 0 || err != nil {
				p.errorf("got %q, %v after the last part; want the end", rest, err)
			}
		},
	},
	{
		Name: "head-before-body",
		Rule: "a Flush before the first byte sends the head",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			w.Headers().Set("Content-Type", "text/plain")
			if err := w.Flush(); err != nil {
				return err
			}
			if err := waitAtGate(r); err != nil {
				return err
			}
			_, err := io.WriteString(w, "body")
			return err
		},
		drive: func(p *probe) {
			g := p.newGate()
			defer g.close()
			resp, cancel := p.start(request{limit: p.prompt, fields: []string{gateField, g.field()}})
			defer cancel()
			defer resp.Body.Close()
			if err := g.release(); err != nil {
				p.fatalf("the App did not come to its gate: %v", err)
			}
			body, err := io.ReadAll(resp.Body)
			if string(body) != "body" || err != nil {
				p.errorf("got %q, %v", body, err)
			}
		},
	},
	{
		Name: "large-body",
		Rule: "a body of unknown length arrives complete",
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			_, err := io.Copy(w, bytes.NewBuffer(pattern(1_000_000)))
			return err
		},
		drive: func(p *probe) {
			r := p.get("/", 200)
			if !bytes.Equal(r.body, pattern(1_000_000)) {
				p.errorf("got %d bytes that differ from the 1,000,000 sent", len(r.body))
			}
		},
	},
}
