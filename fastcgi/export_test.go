package fastcgi

// CurrentRequests returns how many requests hold a place: those whose App has not returned, and those whose variables are not
// complete.
func (s *StdServer) CurrentRequests() int { return s.requests.Now() }

// CurrentRequests is the other engine's.
func (s *Server) CurrentRequests() int { return s.conns.Stats().Requests }
