//go:build unix

package listen

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cgikit/cgikit/gateway/internal/nettest"
)

// fileOf returns the copy of a socket's descriptor that a child process would inherit.
func fileOf(t *testing.T, s interface{ File() (*os.File, error) }) *os.File {
	t.Helper()
	f, err := s.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// bareFD returns a copy of f's descriptor that belongs to no *os.File, like an inherited one.
func bareFD(t *testing.T, f *os.File) int {
	t.Helper()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD, 50)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func TestListenFD(t *testing.T) { // F33
	unixListener := listenOn(t, nettest.SocketPath(t))
	for _, tt := range []struct {
		name string
		l    net.Listener
		want string
	}{
		{"tcp", listenLoopback(t), "*net.TCPConn"},
		{"unix", unixListener, "*net.UnixConn"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fd := bareFD(t, fileOf(t, tt.l.(interface{ File() (*os.File, error) })))
			addr := "fastcgi+fd:" + strconv.Itoa(fd)
			l, err := ListenFor("fastcgi", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			_, c := nettest.Connect(t, l)
			if got := fmt.Sprintf("%T", c); got != tt.want {
				t.Errorf("accepted a %s; want a %s", got, tt.want)
			}
			if _, err := ListenFor("fastcgi", addr); err == nil || !strings.Contains(err.Error(), "is not a socket") {
				t.Errorf("a second time: got %v; want an error because the descriptor is no socket any more", err)
			}
		})
	}
	if !exists(unixListener.Addr().String()) {
		t.Error("closing an inherited listener removed the parent's socket")
	}
}

func TestListenFDRefuses(t *testing.T) {
	regular, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer regular.Close()
	connected, _ := nettest.Connect(t, listenLoopback(t))
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	for _, tt := range []struct {
		name string
		fd   int
		want string
	}{
		{"a file", bareFD(t, regular), "is not a socket"},
		{"a connection", bareFD(t, fileOf(t, connected.(*net.TCPConn))), "is a socket that does not listen"},
		{"a packet socket", bareFD(t, fileOf(t, packets.(*net.UDPConn))), "is a socket that does not listen"},
		{"nothing", 1 << 20, "is not open"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr := "fd:" + strconv.Itoa(tt.fd)
			_, err := ListenFor("fastcgi", addr)
			if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("listen: fastcgi+%s: descriptor %d %s", addr, tt.fd, tt.want)) {
				t.Errorf("got %v; want it to say that it %s", err, tt.want)
			}
		})
	}
	if _, err := regular.Stat(); err != nil {
		t.Errorf("a refused descriptor was closed: %v", err)
	}
}

// childTask runs a task in a child process. The child reports by its exit status and on the first
// connection.
func childTask(task string) int {
	var err error
	switch task {
	case "fd0":
		err = childFD0()
	case "systemd":
		err = childSystemd()
	case "race":
		err = childRace()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// childFD0 listens on its standard input as spawn-fcgi and lighttpd start a program.
func childFD0() error {
	l, err := ListenFor("fastcgi", "fd:0")
	if err != nil {
		return err
	}
	defer l.Close()
	f, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer f.Close()
	if f.Fd() == 0 {
		return errors.New("descriptor 0 was free, and a file got it")
	}
	if n, err := os.Stdin.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		return fmt.Errorf("reading standard input: %d, %v; want /dev/null", n, err)
	}
	return answerOne(l, "descriptor 0")
}

// childSystemd has its sockets from descriptor 3 on, as systemd passes them. It sets LISTEN_PID
// itself, since the parent cannot know the id before the start.
func childSystemd() error {
	os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
	l, err := ListenFor("scgi", "systemd:second")
	if err != nil {
		return err
	}
	defer l.Close()
	if _, err := ListenFor("scgi", "systemd:second"); err == nil {
		return errors.New("a socket was taken twice")
	}
	other, err := ListenFor("scgi", "scgi+systemd:0")
	if err != nil {
		return err
	}
	defer other.Close()
	return answerOne(l, "second")
}

// childRace listens when it reads a byte from its standard input, and keeps the socket until the
// input ends.
func childRace() error {
	in := bufio.NewReader(os.Stdin)
	if _, err := in.ReadByte(); err != nil {
		return err
	}
	l, err := ListenFor("scgi", os.Getenv("CGIKIT_LISTEN_PATH"))
	if err != nil {
		fmt.Println("lost:", err)
		return nil
	}
	defer l.Close()
	fmt.Println("won")
	_, err = io.Copy(io.Discard, in)
	return err
}

func answerOne(l net.Listener, answer string) error {
	c, err := l.Accept()
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = io.WriteString(c, answer)
	return err
}

// child prepares this program as a child process, which is killed at the end of the test.
func child(t *testing.T, task string, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), append(env, "CGIKIT_LISTEN_CHILD="+task, "GORACE=atexit_sleep_ms=0")...)
	cmd.Stderr = os.Stderr
	return cmd
}

func TestListenInheritedInChild(t *testing.T) { // F33, F36
	first, second := listenLoopback(t), listenLoopback(t)
	files := []*os.File{fileOf(t, first.(*net.TCPListener)), fileOf(t, second.(*net.TCPListener))}
	onFD0 := child(t, "fd0")
	onFD0.Stdin = files[0]
	bySystemd := child(t, "systemd", "LISTEN_FDS=2", "LISTEN_FDNAMES=first:second")
	bySystemd.ExtraFiles = files
	for _, tt := range []struct {
		name string
		cmd  *exec.Cmd
		l    net.Listener
		want string
	}{
		{"fd 0", onFD0, first, "descriptor 0"},
		{"systemd", bySystemd, second, "second"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.cmd.Start(); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(nettest.Dial(t, tt.l))
			if err != nil || string(got) != tt.want {
				t.Errorf("the child said %q, %v; want %q", got, err, tt.want)
			}
			if err := tt.cmd.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// The same as TestUnixRace, with processes in place of goroutines.
func TestUnixRaceOfProcesses(t *testing.T) {
	path := nettest.SocketPath(t)
	makeStale(t, path)
	const starters = 4
	var cmds []*exec.Cmd
	var inputs []io.WriteCloser
	var outputs []*bufio.Reader
	for range starters {
		cmd := child(t, "race", "CGIKIT_LISTEN_PATH="+path)
		in, _ := cmd.StdinPipe()
		out, _ := cmd.StdoutPipe()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cmds, inputs, outputs = append(cmds, cmd), append(inputs, in), append(outputs, bufio.NewReader(out))
	}
	for _, in := range inputs {
		in.Write([]byte{'\n'})
	}
	won := 0
	for _, out := range outputs {
		switch line, err := out.ReadString('\n'); {
		case err != nil:
			t.Error(err)
		case line == "won\n":
			won++
		case !strings.Contains(line, "another process listens there"):
			t.Errorf("unexpected: %s", line)
		}
	}
	if won != 1 {
		t.Errorf("%d processes have the socket; want 1", won)
	}
	for i, cmd := range cmds {
		inputs[i].Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	if exists(path) {
		t.Error("the socket outlives its process")
	}
}

func TestSystemdFD(t *testing.T) { // F36
	passed := func(names string) map[string]string {
		return map[string]string{"LISTEN_PID": "7", "LISTEN_FDS": "3", "LISTEN_FDNAMES": names}
	}
	for _, tt := range []struct {
		name    string
		socket  string
		env     map[string]string
		want    int
		wantErr string
	}{
		{"by name", "b", passed("a:b:c"), 4, ""},
		{"by index", "2", passed("a:b:c"), 5, ""},
		{"a name that is a number", "0", passed("a:0:c"), 4, ""},
		{"the only one", "", map[string]string{"LISTEN_PID": "7", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "web"}, 3, ""},
		{"no names, by index", "1", passed(""), 4, ""},
		{"unit with two sockets, by index", "1", passed("a:a:b"), 4, ""},
		{"unit with two sockets, by name", "a", passed("a:a:b"), 0, "2 sockets of that name: give an index from 0 to 2"},
		{"unknown name", "x", passed("a:b:c"), 0, `no socket of that name, only ["a" "b" "c"]`},
		{"index too large", "3", passed("a:b:c"), 0, "no socket of that name"},
		{"negative index", "-1", passed("a:b:c"), 0, "no socket of that name"},
		{"not the only one", "", passed("a:b:c"), 0, "passed 3 sockets: name one of"},
		{"nothing passed", "", nil, 0, "LISTEN_PID or LISTEN_FDS is not set"},
		{"passed to the parent", "a", map[string]string{"LISTEN_PID": "6", "LISTEN_FDS": "1"}, 0, `to process "6", and this is 7`},
		{"bad number", "a", map[string]string{"LISTEN_PID": "7", "LISTEN_FDS": "x"}, 0, `LISTEN_FDS is "x": want a number from 1 to 1024`},
		{"none", "a", map[string]string{"LISTEN_PID": "7", "LISTEN_FDS": "0"}, 0, `LISTEN_FDS is "0"`},
		{"far too many", "a", map[string]string{"LISTEN_PID": "7", "LISTEN_FDS": "2147483647"}, 0, "LISTEN_FDS is"},
		{"too few names", "a", passed("a:b"), 0, "has 2 names for 3 sockets"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := systemdFD(tt.socket, 7, func(name string) string { return tt.env[name] })
			if tt.wantErr == "" && (err != nil || got != tt.want) {
				t.Errorf("got %d, %v; want %d", got, err, tt.want)
			}
			if tt.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tt.wantErr)) {
				t.Errorf("got %d, %v; want an error with %q", got, err, tt.wantErr)
			}
		})
	}
}
