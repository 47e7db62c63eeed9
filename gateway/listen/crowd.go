package listen

import (
	"container/list"
	"net"
)

// Bounds on the connections that have sent nothing: each costs a goroutine and a descriptor.
const (
	maxUndecided        = 1024
	maxUndecidedPerPeer = 256
)

// crowd holds the undecided connections, the oldest first for each peer. A peer is an address
// without its port; all peers on a unix socket are one, to which only the bound of all applies.
// Silent connections that crowd out others are dropped from the peer that holds the most, so that a
// client with a connection or two keeps it.
type crowd struct {
	size  int
	peers map[string]*list.List // of *undecided
}

// add takes u in, and returns the connections that must be dropped for it.
func (c *crowd) add(u *undecided) (dropped []*undecided) {
	if c.peers == nil {
		c.peers = make(map[string]*list.List)
	}
	u.peer = peerOf(u.conn)
	own := c.peers[u.peer]
	if own == nil {
		own = list.New()
		c.peers[u.peer] = own
	}
	if u.peer != "" && own.Len() >= maxUndecidedPerPeer {
		dropped = append(dropped, own.Front().Value.(*undecided))
	} else if c.size >= maxUndecided {
		dropped = append(dropped, c.largest().Front().Value.(*undecided))
	}
	u.at = own.PushBack(u)
	c.size++
	return dropped
}

// remove takes u out, and reports whether it was in.
func (c *crowd) remove(u *undecided) bool {
	if u.at == nil {
		return false
	}
	own := c.peers[u.peer]
	own.Remove(u.at)
	if u.at = nil; own.Len() == 0 {
		delete(c.peers, u.peer)
	}
	c.size--
	return true
}

// largest returns the connections of the peer that holds the most.
func (c *crowd) largest() (most *list.List) {
	for _, own := range c.peers {
		if most == nil || own.Len() > most.Len() {
			most = own
		}
	}
	return most
}

// all returns every connection.
func (c *crowd) all() (all []*undecided) {
	for _, own := range c.peers {
		for e := own.Front(); e != nil; e = e.Next() {
			all = append(all, e.Value.(*undecided))
		}
	}
	return all
}

// peerOf returns the address of a peer without its port, "" for one that has none.
func peerOf(c net.Conn) string {
	if tcp, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.IP.String()
	}
	return ""
}
