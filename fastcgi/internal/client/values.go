package client

import (
	"context"
	"io"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
)

// mpxsConns is the variable that tells whether an application answers several requests at the same
// time over one connection.
const mpxsConns = "FCGI_MPXS_CONNS"

// Values asks the application for variables, over a new connection that it closes afterwards.
func (c *Client) Values(ctx context.Context, s *Settings, names []string) (map[string]string, error) {
	conn, err := c.pool.acquire(ctx, s, true)
	if err != nil {
		return nil, err
	}
	defer c.pool.discard(conn)
	return conn.values(ctx, wire.NewRecordReader(conn.in), names...)
}

// values asks the application for variables over a connection without a request. If ctx ends first,
// it closes the connection.
func (c *conn) values(ctx context.Context, records *wire.RecordReader, names ...string) (map[string]string, error) {
	if ended := gateway.ContextError(ctx); ended != nil {
		return nil, ended
	}
	unwatch := context.AfterFunc(ctx, func() { c.call.Close() })
	values, err := fetchValues(c.call, records, names)
	if !unwatch() {
		err = ctx.Err()
	}
	if err != nil {
		return nil, failure(ctx, err)
	}
	return values, nil
}

// valuesPadding is the padding of FCGI_GET_VALUES, in bytes. It is never 0: libfcgi 2.4.2 waits for
// more after a record without padding, and does not answer it.
func valuesPadding(query []byte) int { return 8 - len(query)%8 }

func fetchValues(w io.Writer, records *wire.RecordReader, names []string) (map[string]string, error) {
	var query []byte
	for _, name := range names {
		query = wire.AppendPair(query, name, "")
	}
	if _, err := w.Write(wire.AppendPadded(nil, wire.TypeGetValues, 0, query, valuesPadding(query))); err != nil {
		return nil, err
	}
	h, content, err := records.Next()
	if err != nil {
		return nil, err
	}
	if h.Type != wire.TypeGetValuesResult || h.ID != 0 {
		return nil, wire.Errorf("record of type %d of request %d in answer to FCGI_GET_VALUES", h.Type, h.ID)
	}
	pairs, err := wire.DecodePairs(content, -1)
	if err != nil {
		return nil, err
	}
	return pairs.Map(), nil
}
