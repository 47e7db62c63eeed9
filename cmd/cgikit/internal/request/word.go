package request

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// blob is an argument of a remote procedure call that is bytes.
type blob []byte

// parseWords reads the arguments of a remote procedure call as rtxmlrpc of pyrocore does: +1 and -1
// are numbers, "[a,b" is an array, of numbers if all of its items are digits, "[" alone and "[]"
// are an empty one, "[[x" is the text "[x", and @FILE is the content of a file. Everything else is
// a text.
func (r *Request) parseWords(ctx context.Context) ([]any, error) {
	values := make([]any, 0, len(r.Args))
	for _, word := range r.Args {
		value, err := r.parseWord(ctx, word)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, nil
}

func (r *Request) parseWord(ctx context.Context, word string) (any, error) {
	switch {
	case word == "":
		return "", nil
	case word[0] == '+' || word[0] == '-':
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return nil, cli.Usage(fmt.Errorf("argument %.100q is not a number", word), "+1 and -1 are numbers; another text cannot begin with + or -")
		}
		return n, nil
	case strings.HasPrefix(word, "[["):
		return word[1:], nil
	case word[0] == '[':
		return parseList(strings.TrimSuffix(word[1:], "]")), nil
	case word[0] == '@':
		content, err := r.readFile(ctx, word[1:])
		return blob(content), err
	}
	return word, nil
}

// parseList returns the items of a list, as numbers if all of them are.
func parseList(text string) []any {
	list := []any{}
	if text == "" {
		return list
	}
	items := strings.Split(text, ",")
	for _, item := range items {
		n, err := strconv.ParseUint(item, 10, 63)
		if err != nil {
			break
		}
		list = append(list, int64(n))
	}
	if len(list) == len(items) {
		return list
	}
	list = list[:0]
	for _, item := range items {
		list = append(list, item)
	}
	return list
}
