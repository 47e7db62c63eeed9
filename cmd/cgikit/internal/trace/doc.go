// Package trace shows what passes between a web server and an application. A Proxy stands between
// the two and hands the bytes on unchanged; a decoder for each connection makes Events of them: the
// records of FastCGI, the head and the body of SCGI. Events are printed (Printer), summed up as one
// line for each exchange, checked against the rules of the protocol, and saved (Pcap).
//
//	p := &trace.Proxy{Protocol: "fastcgi", Dial: target.Dial, Sink: printer}
//	err := p.Serve(ctx, listener)
//
// InPlace puts a listener in the place of a unix socket that is in use, and takes it away again.
//
// Nothing is kept of a connection beyond one record, the variables of open requests (256 KiB each)
// and the head of their responses (8 KiB each).
package trace
