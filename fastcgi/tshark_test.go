package fastcgi_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/util"
)

// TestTshark: Wireshark reads the records of our client and of our server, and finds none
// malformed.
func TestTshark(t *testing.T) {
	t.Parallel()
	tshark := webserver.Find(t, "tshark")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &fastcgi.Server{App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		io.WriteString(r.Stderr, "a complaint\n")
		_, err := io.Copy(w, r.Stdin)
		return err
	})}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	defer func() {
		s.Close()
		<-served
	}()
	tap := &tap{packets: capture()}
	address := tap.listen(t, l.Addr().String())
	c := &fastcgi.Client{Addr: address}
	e := util.EnvironFromList([]string{"REQUEST_METHOD=POST", "CONTENT_LENGTH=70000", "SERVER_PROTOCOL=HTTP/1.1", "HTTP_X_LONG=" + strings.Repeat("x", 300)})
	resp, err := c.RoundTrip(&gateway.Request{Environ: e, Stdin: bytes.NewReader(make([]byte, 70000)), Stderr: io.Discard, ContentLength: 70000})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, resp.Body); n != 70000 || err != nil {
		t.Errorf("got %d bytes, %v; want 70000", n, err)
	}
	resp.Body.Close()
	c.Close()
	tap.wait()
	file := filepath.Join(t.TempDir(), "records.pcap")
	if err := os.WriteFile(file, tap.packets.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tshark, "-r", file, "-d", "tcp.port==9000,fcgi", "-T", "fields", "-e", "fcgi.type", "-e", "_ws.malformed", "-e", "_ws.expert.message").CombinedOutput()
	if err != nil {
		t.Fatalf("tshark: %v\n%s", err, out)
	}
	for _, kind := range []string{"1", "3", "4", "5", "6", "7"} {
		if !strings.Contains(","+strings.NewReplacer("\n", ",", "\t", ",").Replace(string(out))+",", ","+kind+",") {
			t.Errorf("no record of type %s in\n%s", kind, out)
		}
	}
	if strings.Contains(strings.ToLower(string(out)), "malformed") {
		t.Errorf("got a malformed record in\n%s", out)
	}
}

// tap passes one connection on, and keeps its bytes as a capture of port 9000.
type tap struct {
	mu      sync.Mutex
	packets *bytes.Buffer
	sent    [2]uint32 // bytes, of the client and of the server
	done    sync.WaitGroup
}

func (p *tap) listen(t *testing.T, to string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.done.Go(func() {
		client, err := l.Accept()
		l.Close()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", to)
		if err != nil {
			client.Close()
			return
		}
		p.done.Go(func() { p.copy(client, server, 1) })
		p.copy(server, client, 0)
	})
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func (p *tap) wait() { p.done.Wait() }

// copy passes bytes on until their stream ends, and ends the other side too.
func (p *tap) copy(to, from net.Conn, side int) {
	defer to.Close()
	for block := make([]byte, 16<<10); ; {
		n, err := from.Read(block)
		p.keep(side, block[:n])
		if _, writeErr := to.Write(block[:n]); err != nil || writeErr != nil {
			return
		}
	}
}

// capture begins a file of raw IP packets.
func capture() *bytes.Buffer {
	head := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	head = append(head, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	head = binary.LittleEndian.AppendUint32(head, 1<<18)
	return bytes.NewBuffer(binary.LittleEndian.AppendUint32(head, 101)) // LINKTYPE_RAW
}

// keep adds a segment of TCP.
func (p *tap) keep(side int, content []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(content) == 0 {
		return
	}
	ports := [][2]uint16{{40000, 9000}, {9000, 40000}}[side]
	size := 40 + len(content)
	b := binary.LittleEndian.AppendUint64(nil, 0) // at the epoch
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	b = append(b, 0x45, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(size))
	b = append(b, 0, 0, 0x40, 0, 64, 6, 0, 0, 127, 0, 0, byte(1+side), 127, 0, 0, byte(2-side))
	b = binary.BigEndian.AppendUint16(b, ports[0])
	b = binary.BigEndian.AppendUint16(b, ports[1])
	b = binary.BigEndian.AppendUint32(b, 1+p.sent[side])
	b = binary.BigEndian.AppendUint32(b, 1+p.sent[1-side])
	b = append(b, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0) // ACK and PSH
	p.packets.Write(append(b, content...))
	p.sent[side] += uint32(len(content))
}
