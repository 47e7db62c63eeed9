package wire

// AnswerValues returns the content of the answer to GET_VALUES: of what was asked, what is known, each name once (FastCGI section
// 4.1).
func AnswerValues(query []byte, known func(name string) (value string, ok bool)) ([]byte, error) {
	asked, err := DecodePairs(query, -1)
	if err != nil {
		return nil, err
	}
	var answer []byte
	done := make(map[string]bool)
	for name := range asked.All() {
		value, ok := known(name)
		if ok && !done[name] {
			done[name] = true
			answer = AppendPair(answer, name, value)
		}
	}
	return answer, nil
}

// AppendUnknownType appends the answer to a management record of a type that is not known (FastCGI section 4.2).
func AppendUnknownType(dst []byte, t RecordType) []byte {
	return AppendRecord(dst, TypeUnknownType, 0, []byte{byte(t), 0, 0, 0, 0, 0, 0, 0})
}
