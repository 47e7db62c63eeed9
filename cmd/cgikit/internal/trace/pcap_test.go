package trace

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// TestPcapTshark: tshark decodes the file without options.
func TestPcapTshark(t *testing.T) {
	tshark := webserver.Find(t, "tshark")
	file := filepath.Join(t.TempDir(), "trace.pcap")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	p := NewPcap(f, "fastcgi", time.Unix(1700000000, 0))
	d := newFastCGI(1, p)
	for _, part := range wholeExchange() {
		d.feed(part.d, part.data, time.Second)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	out, err := exec.Command(tshark, "-r", file, "-V").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%.2000s", err, out)
	}
	for _, want := range []string{"FastCGI (FCGI_BEGIN_REQUEST)", "REQUEST_METHOD = POST", "FCGI_STDOUT", "FCGI_END_REQUEST"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not in\n%.3000s", want, out)
		}
	}
	if strings.Contains(string(out), "Malformed") {
		t.Errorf("a packet is malformed:\n%.3000s", out)
	}
}

func TestVector(t *testing.T) {
	v := new(Vector)
	d := newFastCGI(1, v)
	var sent []byte
	for _, part := range wholeExchange() {
		d.feed(part.d, part.data, 0)
		if part.d == ToApp {
			sent = append(sent, part.data...)
		}
	}
	var b bytes.Buffer
	if _, err := v.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	got, err := ReadVector(b.Bytes())
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("got %q, %v; want %q", got, err, sent)
	}
	if !strings.HasPrefix(b.String(), "comment: recorded by cgikit trace: POST /x.php?a=1") {
		t.Errorf("got %.80q", b.String())
	}
	if _, err := new(Vector).WriteTo(&b); err == nil {
		t.Error("an empty vector was saved")
	}
	if _, err := ReadVector([]byte("no vector")); err == nil {
		t.Error("no vector was read as one")
	}
}
