package check

import (
	"fmt"
	"strconv"

	"github.com/cgikit/cgikit/fastcgi/wire"
)

// managementChecks are those of the records with id 0, and of roles.
var managementChecks = []Check{
	{"F12.1", "fastcgi.management", Must, "answers GET_VALUES, with id 0", "FastCGI section 4.1", false, answersValues},
	{"F12.2", "fastcgi.management", Must, "answers GET_VALUES between the variables of a request", "FastCGI section 4.1", false, answersValuesInRequest},
	{"F12.3", "fastcgi.management", Must, "answers GET_VALUES without padding", "FastCGI section 4.1", false, answersUnpaddedValues},
	{"F13.1", "fastcgi.management", Must, "knows FCGI_MAX_CONNS, FCGI_MAX_REQS and FCGI_MPXS_CONNS", "FastCGI section 4.1", false, knowsValues},
	{"F13.2", "fastcgi.management", Must, "leaves out values that it does not know", "FastCGI section 4.1", false, leavesOutValues},
	{"F13.3", "fastcgi.management", Must, "answers GET_VALUES without names by no values", "FastCGI section 4.1", false, answersNoValues},
	{"F13.4", "fastcgi.management", Must, "answers a name of GET_VALUES that is there 100 times", "FastCGI section 4.1", false, answersRepeatedValues},
	{"F14.1", "fastcgi.management", Must, "answers an unknown management record by UNKNOWN_TYPE with its type", "FastCGI section 4.2", false, answersUnknownType},
	{"F14.2", "fastcgi.management", Must, "answers a request after UNKNOWN_TYPE on the same connection", "FastCGI section 4.2", false, goesOnAfterUnknownType},
	{"F15.1", "fastcgi.management", Should, "answers a request after GET_VALUES on the same connection", "FastCGI section 4.1", false, goesOnAfterValues},
	{"F16.1", "fastcgi.role", Must, "refuses role 9 by UNKNOWN_ROLE", "FastCGI section 5.1", false, refusesRole},
	{"F16.2", "fastcgi.role", Must, "answers a request after UNKNOWN_ROLE on the same connection", "FastCGI section 5.1", false, goesOnAfterRole},
	{"F16.3", "fastcgi.role", May, "has the role of an authorizer", "FastCGI section 6.3", false, hasRole(wire.RoleAuthorizer)},
	{"F16.4", "fastcgi.role", May, "has the role of a filter", "FastCGI section 6.4", false, hasRole(wire.RoleFilter)},
}

var valueNames = []Variable{{"FCGI_MAX_CONNS", ""}, {"FCGI_MAX_REQS", ""}, {"FCGI_MPXS_CONNS", ""}}

// getValues has padding: libfcgi 2.4.2 does not answer it without, which F12.3 tries.
func getValues(names []Variable) []byte {
	return wire.AppendPadded(nil, wire.TypeGetValues, 0, pairs(names), 8)
}

// values reads the answer to GET_VALUES.
func (c *conn) values() (map[string]string, error) {
	r, err := c.record()
	if err != nil {
		return nil, c.describe(err, "GET_VALUES_RESULT")
	}
	if r.Type != wire.TypeGetValuesResult || r.ID != 0 {
		return nil, broken("a record of type %d with id %d comes in place of GET_VALUES_RESULT with id 0", r.Type, r.ID)
	}
	e, err := wire.DecodePairs(r.content, -1)
	if err != nil {
		return nil, broken("the values cannot be read: %v", err)
	}
	return e.Map(), nil
}

// fetchValues asks for values on a new connection.
func (p *probe) fetchValues(names []Variable) (*conn, map[string]string, error) {
	c, err := p.send(getValues(names))
	if err != nil {
		return nil, nil, err
	}
	values, err := c.values()
	return c, values, err
}

func answersValues(p *probe) error {
	_, _, err := p.fetchValues(valueNames)
	return err
}

func answersUnpaddedValues(p *probe) error {
	c, err := p.send(wire.AppendPadded(nil, wire.TypeGetValues, 0, pairs(valueNames), 0))
	if err != nil {
		return err
	}
	_, err = c.values()
	return err
}

// answersValuesInRequest waits for the values before it sends the rest of the request.
func answersValuesInRequest(p *probe) error {
	content := pairs(p.run.request(nil).vars)
	c, err := p.send(beginRecord(1, wire.RoleResponder, false), getValues(valueNames))
	if err != nil {
		return err
	}
	if _, err := c.values(); err != nil {
		return err
	}
	c.send(stream(wire.TypeParams, 1, content), stream(wire.TypeStdin, 1, nil))
	return p.wantAnswer(c.answer(1))
}

func knowsValues(p *probe) error {
	_, values, err := p.fetchValues(valueNames)
	if err != nil {
		return err
	}
	for _, v := range valueNames {
		if _, err := strconv.ParseUint(values[v.Name], 10, 32); err != nil {
			return broken("%s is %.32q", v.Name, values[v.Name])
		}
	}
	return nil
}

func leavesOutValues(p *probe) error {
	_, values, err := p.fetchValues([]Variable{{"CGIKIT_UNKNOWN", ""}, {"FCGI_MAX_CONNS", ""}})
	if _, there := values["CGIKIT_UNKNOWN"]; there {
		return broken("the answer has CGIKIT_UNKNOWN, which no specification has")
	}
	return err
}

func answersNoValues(p *probe) error {
	_, values, err := p.fetchValues(nil)
	if len(values) > 0 {
		return broken("the answer has %d values that were not asked for", len(values))
	}
	return err
}

func answersRepeatedValues(p *probe) error {
	var names []Variable
	for range 100 {
		names = append(names, valueNames[0])
	}
	if _, _, err := p.fetchValues(names); err != nil {
		return err
	}
	return p.alive()
}

const unknownManagement = 200

// unknownType sends an unknown management record and reads the answer.
func (p *probe) unknownType() (*conn, error) {
	c, err := p.send(wire.AppendRecord(nil, unknownManagement, 0, []byte("unknown!")))
	if err != nil {
		return nil, err
	}
	r, err := c.record()
	switch {
	case err != nil:
		return nil, c.describe(err, "UNKNOWN_TYPE")
	case r.Type != wire.TypeUnknownType || r.ID != 0:
		return nil, broken("a record of type %d with id %d comes in place of UNKNOWN_TYPE with id 0", r.Type, r.ID)
	case len(r.content) != 8 || r.content[0] != unknownManagement:
		return nil, broken("UNKNOWN_TYPE has the content % x; want %d and seven zeros", r.content[:min(len(r.content), 16)], unknownManagement)
	}
	return c, nil
}

func answersUnknownType(p *probe) error {
	_, err := p.unknownType()
	return err
}

func goesOnAfterUnknownType(p *probe) error {
	c, err := p.unknownType()
	if err != nil {
		return err
	}
	return p.goesOn(c)
}

// goesOn checks that a request is answered on a connection that has been used.
func (p *probe) goesOn(c *conn) error {
	c.send(p.plainMessage(1, false))
	return p.wantAnswer(c.answer(1))
}

func goesOnAfterValues(p *probe) error {
	c, _, err := p.fetchValues(valueNames)
	if err != nil {
		return err
	}
	return p.goesOn(c)
}

// inRole sends the plain request in another role, and reads the answer. A filter gets DATA too.
func (p *probe) inRole(role wire.Role) (*conn, *answer, error) {
	q := p.run.request(nil)
	parts := [][]byte{beginRecord(1, role, true)}
	if role == wire.RoleFilter {
		q.vars = append(q.vars, Variable{"FCGI_DATA_LAST_MOD", "0"}, Variable{"FCGI_DATA_LENGTH", "0"})
	}
	parts = append(parts, stream(wire.TypeParams, 1, pairs(q.vars)), stream(wire.TypeStdin, 1, nil))
	if role == wire.RoleFilter {
		parts = append(parts, stream(wire.TypeData, 1, nil))
	}
	c, err := p.send(parts...)
	if err != nil {
		return nil, nil, err
	}
	a, err := c.answer(1)
	return c, a, err
}

func (p *probe) unknownRole() (*conn, error) {
	c, a, err := p.inRole(9)
	if err == nil && a.end.ProtocolStatus != wire.UnknownRole {
		err = broken("END_REQUEST has the protocol status %v", a.end.ProtocolStatus)
	}
	return c, err
}

func refusesRole(p *probe) error {
	_, err := p.unknownRole()
	return err
}

func goesOnAfterRole(p *probe) error {
	c, err := p.unknownRole()
	if err != nil {
		return err
	}
	return p.goesOn(c)
}

func hasRole(role wire.Role) func(*probe) error {
	return func(p *probe) error {
		_, a, err := p.inRole(role)
		switch {
		case err != nil:
			return err
		case a.end.ProtocolStatus == wire.UnknownRole:
			return noted("no: it answers UNKNOWN_ROLE")
		case a.end.ProtocolStatus != wire.RequestComplete:
			return fmt.Errorf("END_REQUEST has the protocol status %v", a.end.ProtocolStatus)
		}
		return noted("it answers such a request")
	}
}
