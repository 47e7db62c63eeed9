package listen

import (
	"container/list"
	"net"
)

// Bounds on the connections that have sent nothing. Each costs a goroutine and a descriptor.
const (
	maxUndecided        = 1024
	maxUndecidedPerPeer = 256
)

// waitingList holds the undecided connections, the oldest first for each peer. A peer is an address
// without its port. All peers on a unix socket count as one, to which only maxUndecided applies. If
// there are too many connections, one of the peer that has the most is discarded, so that a client
// with one or two connections keeps them.
type waitingList struct {
	size  int
	peers map[string]*list.List // of *undecided
}

// add adds u, and returns the connections that must be discarded for it.
func (w *waitingList) add(u *undecided) (dropped []*undecided) {
	if w.peers == nil {
		w.peers = make(map[string]*list.List)
	}
	u.peer = peerOf(u.conn)
	own := w.peers[u.peer]
	if own == nil {
		own = list.New()
		w.peers[u.peer] = own
	}
	if u.peer != "" && own.Len() >= maxUndecidedPerPeer {
		dropped = append(dropped, own.Front().Value.(*undecided))
	} else if w.size >= maxUndecided {
		dropped = append(dropped, w.largest().Front().Value.(*undecided))
	}
	u.at = own.PushBack(u)
	w.size++
	return dropped
}

// remove removes u, and reports whether it was there.
func (w *waitingList) remove(u *undecided) bool {
	if u.at == nil {
		return false
	}
	own := w.peers[u.peer]
	own.Remove(u.at)
	if u.at = nil; own.Len() == 0 {
		delete(w.peers, u.peer)
	}
	w.size--
	return true
}

// largest returns the connections of the peer that has the most.
func (w *waitingList) largest() (most *list.List) {
	for _, own := range w.peers {
		if most == nil || own.Len() > most.Len() {
			most = own
		}
	}
	return most
}

// all returns every connection.
func (w *waitingList) all() (all []*undecided) {
	for _, own := range w.peers {
		for e := own.Front(); e != nil; e = e.Next() {
			all = append(all, e.Value.(*undecided))
		}
	}
	return all
}

// peerOf returns the address of a peer without its port, or "" if it has no IP address.
func peerOf(c net.Conn) string {
	if tcp, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.IP.String()
	}
	return ""
}
