package load

// place is where a request can be: a stream of a connection.
type place struct {
	c      *conn
	stream int
}

// freePlaces are those without a request, the one first that is free for the longest. It is a ring.
type freePlaces struct {
	ring  []place
	first int
	n     int
}

func (f *freePlaces) push(p place) {
	f.ring[(f.first+f.n)%len(f.ring)] = p
	f.n++
}

func (f *freePlaces) pop() place {
	p := f.ring[f.first]
	f.first = (f.first + 1) % len(f.ring)
	f.n--
	return p
}
