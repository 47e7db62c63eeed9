package request

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/headers"
)

// defaultFields are what is sent where the user names no other. A field is replaced by one of the
// same name.
func (r *Request) defaultFields(contentType string) []headers.Field {
	fields := []headers.Field{
		{Name: "Host", Value: "localhost"},
		{Name: "User-Agent", Value: "cgikit"},
		{Name: "Accept", Value: "*/*"},
	}
	if r.Target.Protocol == "http" {
		fields[0].Value = r.httpHost()
	}
	if r.Agent != "" {
		fields[1].Value = r.Agent
	}
	if contentType != "" {
		fields = append(fields, headers.Field{Name: "Content-Type", Value: contentType})
	}
	return fields
}

// fields returns the fields of the request in their order: the defaults, those of flags with a name
// of their own, and the user's.
func (r *Request) fields(contentType string) ([]headers.Field, error) {
	fields := r.defaultFields(contentType)
	if r.Cookie != "" {
		if !strings.Contains(r.Cookie, "=") {
			return nil, cli.Usage(fmt.Errorf("-b %.100q is not NAME=VALUE", r.Cookie), "cookies are written NAME=VALUE; NAME=VALUE: a file of cookies cannot be read")
		}
		fields = append(fields, headers.Field{Name: "Cookie", Value: r.Cookie})
	}
	if r.User != "" {
		if !strings.Contains(r.User, ":") {
			return nil, cli.Usage(errors.New("-u has no colon"), "write -u NAME:PASSWORD")
		}
		fields = append(fields, headers.Field{Name: "Authorization", Value: "Basic " + base64.StdEncoding.EncodeToString([]byte(r.User))})
	}
	added := make(map[string]bool)
	for _, text := range r.Fields {
		var err error
		if fields, err = addField(fields, text, added); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

// addField adds "Name: value" to fields, in place of the default of that name. "Name:" removes the
// default, and "Name;" sends an empty value. Added has the names, in lower case, that the user has
// given.
func addField(fields []headers.Field, text string, added map[string]bool) ([]headers.Field, error) {
	name, value, found := strings.Cut(text, ":")
	value = strings.Trim(value, " \t")
	remove := found && value == ""
	if !found && strings.HasSuffix(text, ";") {
		name, found = strings.TrimSuffix(text, ";"), true
	}
	if err := new(headers.Headers).Add(name, value); !found || err != nil {
		return nil, cli.Usage(fmt.Errorf("-H %.100q is not a field", text), `write -H 'Name: value'; 'Name:' removes a field, and 'Name;' sends it empty`)
	}
	if key := strings.ToLower(name); remove || !added[key] {
		fields = removeField(fields, name)
		added[key] = true
	}
	if remove {
		return fields, nil
	}
	return append(fields, headers.Field{Name: name, Value: value}), nil
}

func removeField(fields []headers.Field, name string) []headers.Field {
	kept := fields[:0]
	for _, f := range fields {
		if !strings.EqualFold(f.Name, name) {
			kept = append(kept, f)
		}
	}
	return kept
}

// fieldValue returns the last value of a field, "" for none.
func fieldValue(fields []headers.Field, name string) (value string) {
	for _, f := range fields {
		if strings.EqualFold(f.Name, name) {
			value = f.Value
		}
	}
	return value
}

// variableName is the meta-variable of a field (RFC 3875 section 4.1.18).
func variableName(field string) string {
	return "HTTP_" + strings.ToUpper(strings.ReplaceAll(field, "-", "_"))
}
