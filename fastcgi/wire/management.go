package wire

import "slices"

// maxValues bounds how many names of a query are answered. The specification defines three (FastCGI
// section 4.1). A record has room for 32,767 names, and answering that many took 30 ms.
const maxValues = 16

// AnswerValues returns the content of the answer to GET_VALUES (FastCGI section 4.1). It looks up
// the first 16 names of the query and answers each known name once. A query that is not a list of
// pairs is a [*ProtocolError].
func AnswerValues(query []byte, known func(name string) (value string, ok bool)) ([]byte, error) {
	var names []string
	for data := string(query); data != ""; {
		name, _, rest, err := CutPair(data)
		if err != nil {
			return nil, err
		}
		if len(names) < maxValues {
			names = append(names, name)
		}
		data = rest
	}
	return appendValues(names, known), nil
}

func appendValues(names []string, known func(name string) (value string, ok bool)) (answer []byte) {
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			continue
		}
		if value, ok := known(name); ok {
			answer = AppendPair(answer, name, value)
		}
	}
	return answer
}

// AppendUnknownType appends the answer to a management record of an unknown type (FastCGI section
// 4.2).
func AppendUnknownType(dst []byte, t RecordType) []byte {
	return AppendRecord(dst, TypeUnknownType, 0, []byte{byte(t), 0, 0, 0, 0, 0, 0, 0})
}
