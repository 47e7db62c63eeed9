package trace

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"
)

// Proxy hands on what comes in at a listener to an application, and back, byte for byte, and tells
// a Sink what it was. The fields must not change while Serve runs.
type Proxy struct {
	Protocol string // "fastcgi" or "scgi"

	// Dial connects to the application, for each connection that comes in.
	Dial func(context.Context) (net.Conn, error)

	Sink Sink
	Log  *slog.Logger // gets connections that cannot be handed on; nil is slog.Default()

	// DrainTimeout bounds how long exchanges under way may take after the end of Serve's context.
	// Zero is 10 seconds.
	DrainTimeout time.Duration

	// Stop is called when the context ends; nil closes the listener. It must make Accept fail, at
	// once or after what is in the queue.
	Stop func()

	// Start is the time that Event.At counts from; zero is the call of Serve.
	Start time.Time

	mu    sync.Mutex // guards what follows, and the decoders and the Sink
	links map[*link]struct{}
	conns int
	done  bool // no exchange is begun any more
	open  sync.WaitGroup
}

// Serve hands connections on until ctx ends or l fails. It then closes l, closes the connections
// between two exchanges, and gives the exchanges under way DrainTimeout. Its error is that of l, or
// nil.
func (p *Proxy) Serve(ctx context.Context, l net.Listener) error {
	p.links = make(map[*link]struct{})
	if p.Start.IsZero() {
		p.Start = time.Now()
	}
	if p.Log == nil {
		p.Log = slog.Default()
	}
	if p.Stop == nil {
		p.Stop = func() { l.Close() }
	}
	stop := context.AfterFunc(ctx, p.Stop)
	defer stop()
	dialing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer p.flushOften()()
	err := p.acceptLoop(dialing, l)
	l.Close()
	if ctx.Err() != nil {
		err = nil
	}
	p.drain()
	return err
}

// flushInterval is how long lines wait: short enough for people who watch them.
const flushInterval = 100 * time.Millisecond

// flushOften flushes the Sink, if it has a method Flush, until the returned function is called.
func (p *Proxy) flushOften() (stop func()) {
	f, ok := p.Sink.(interface{ Flush() })
	if !ok {
		return func() {}
	}
	quit, done := make(chan struct{}), make(chan struct{})
	tick := time.NewTicker(flushInterval)
	go func() {
		defer close(done)
		for {
			select {
			case <-tick.C:
				p.decode(f.Flush)
			case <-quit:
				return
			}
		}
	}()
	return func() {
		tick.Stop()
		close(quit)
		<-done
		p.decode(f.Flush)
	}
}

func (p *Proxy) acceptLoop(dialing context.Context, l net.Listener) error {
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
		case isPassing(err):
			p.Log.Warn("cannot accept a connection, trying again", "error", err)
			time.Sleep(50 * time.Millisecond)
			continue
		default:
			return err
		}
		p.open.Add(1)
		go func() {
			defer p.open.Done()
			p.handle(dialing, nc)
		}()
	}
}

// isPassing reports whether Accept can succeed later: the process has no more descriptors, or a
// connection was closed in the queue.
func isPassing(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ECONNABORTED)
}

// link is a connection of the web server and the one that was made for it.
type link struct {
	conn        int
	server, app net.Conn
	queue       queue
	decoder     decoder // reads the queue under the lock of the Proxy
}

func (p *Proxy) handle(ctx context.Context, server net.Conn) {
	defer server.Close()
	app, err := p.Dial(ctx)
	if err != nil {
		p.Log.Warn("a connection is closed, since the application cannot be reached", "error", err)
		return
	}
	defer app.Close()
	k := p.add(server, app)
	if k == nil {
		return
	}
	defer p.remove(k)
	var both sync.WaitGroup
	both.Go(func() { p.copy(k, ToApp, app, server) })
	both.Go(func() { p.copy(k, ToServer, server, app) })
	both.Wait()
}

func (p *Proxy) add(server, app net.Conn) *link {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		return nil
	}
	p.conns++
	k := &link{conn: p.conns, server: server, app: app, decoder: newDecoder(p.Protocol, p.conns, p.Sink)}
	p.links[k] = struct{}{}
	p.Sink.Event(&Event{At: time.Since(p.Start), Conn: k.conn, Direction: ToApp, Kind: "opened"})
	return k
}

func (p *Proxy) remove(k *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, k)
}

// copyBuffer is what is read at once: a record of the largest size and its header.
const copyBuffer = 64<<10 + 8

// copy hands on one direction until its end, which it hands on too: as an end, or as a reset. The
// bytes are decoded after they were handed on, so that the peers need not wait for that, but in the
// order in which they were read, so that no answer is seen before its request.
func (p *Proxy) copy(k *link, d Direction, to, from net.Conn) {
	buf := make([]byte, copyBuffer)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			k.queue.add(piece{d, buf[:n], time.Since(p.Start)})
			_, writeErr := to.Write(buf[:n])
			p.decodeQueue(k)
			if writeErr != nil {
				from.Close() // its peer gets the same: no more is taken
				return
			}
		}
		if err == nil {
			continue
		}
		if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
			err = nil
		}
		p.decode(func() {
			k.decodeQueue()
			k.decoder.close(d, err, time.Since(p.Start))
		})
		finish(to, d, err)
		return
	}
}

// decodeQueue decodes what was read on a link and is not decoded yet, in both directions.
func (p *Proxy) decodeQueue(k *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k.decodeQueue()
}

// decodeQueue is called with the lock of the Proxy.
func (k *link) decodeQueue() {
	for {
		next, ok := k.queue.pop()
		if !ok {
			return
		}
		k.decoder.feed(next.d, next.data, next.at)
	}
}

// isIdle reports whether no exchange is under way. It is called with the lock of the Proxy.
func (k *link) isIdle() bool { return k.queue.isEmpty() && k.decoder.idle() }

// finish hands on the end of a direction. When the application has ended, nothing more can come of
// the exchange, and the whole connection is closed, as the application closes it.
func finish(to net.Conn, d Direction, err error) {
	if err != nil {
		if tcp, ok := to.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
		to.Close()
		return
	}
	if half, ok := to.(interface{ CloseWrite() error }); ok && d == ToApp {
		half.CloseWrite()
		return
	}
	to.Close()
}

func (p *Proxy) decode(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// drain closes the connections without an exchange at once, and all others after DrainTimeout.
func (p *Proxy) drain() {
	timeout := p.DrainTimeout
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	ended := make(chan struct{})
	go func() {
		p.open.Wait()
		close(ended)
	}()
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		p.closeLinks(func(k *link) bool { return k.isIdle() })
		select {
		case <-ended:
			return
		case <-tick.C:
		case <-deadline.C:
			p.Log.Warn("exchanges under way are cut off", "after", timeout)
			p.closeLinks(func(*link) bool { return true })
			<-ended
			return
		}
	}
}

// closeLinks closes the connections that match.
func (p *Proxy) closeLinks(match func(*link) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = true
	for k := range p.links {
		if match(k) {
			k.server.Close()
			k.app.Close()
		}
	}
}
