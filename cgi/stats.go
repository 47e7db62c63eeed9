package cgi

// Stats counts the scripts of a Script, a Dir or a Named.
type Stats struct {
	Running int    // scripts that run, also those that run on after their response
	Waiting int    // requests that wait for a script to end, because MaxScripts run
	Started uint64 // scripts started
	// requests for which no script was started, because MaxQueue requests waited already, or no
	// script ended before the deadline of the request's context
	Refused uint64
}

// Stats returns the current figures. It may be called at any time, also after Close.
func (s *Script) Stats() Stats {
	s.line.Lock()
	defer s.line.Unlock()
	return Stats{Running: len(s.running), Waiting: s.line.Waiting(), Started: s.started, Refused: s.refused}
}

// Stats returns the figures of all scripts of the folder: see [Script.Stats].
func (d *Dir) Stats() Stats { return d.Script.Stats() }

// Stats returns the figures of all scripts: see [Script.Stats].
func (n *Named) Stats() Stats { return n.Script.Stats() }

// noteRefused counts a request for which MaxScripts and MaxQueue have no room.
func (s *Script) noteRefused() {
	s.line.Lock()
	defer s.line.Unlock()
	s.refused++
}
