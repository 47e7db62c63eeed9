package request

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// newXMLCall makes the body of an XML-RPC call. Numbers that do not fit 32 bits are i8, which
// rTorrent and xmlrpc-c know.
func (r *Request) newXMLCall(ctx context.Context) (*body, error) {
	arguments, err := r.parseWords(ctx)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n<methodCall><methodName>" + escapeXML(r.XMLRPC) + "</methodName><params>")
	for _, argument := range arguments {
		b.WriteString("<param>")
		writeXMLValue(&b, argument)
		b.WriteString("</param>")
	}
	b.WriteString("</params></methodCall>\n")
	return &body{parts: []part{{text: b.String()}}, contentType: "text/xml"}, nil
}

func escapeXML(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s))
	return b.String()
}

func writeXMLValue(b *strings.Builder, value any) {
	b.WriteString("<value>")
	switch v := value.(type) {
	case string:
		b.WriteString("<string>" + escapeXML(v) + "</string>")
	case int64:
		kind := "i4"
		if v != int64(int32(v)) {
			kind = "i8"
		}
		fmt.Fprintf(b, "<%s>%d</%[1]s>", kind, v)
	case blob:
		b.WriteString("<base64>" + base64.StdEncoding.EncodeToString(v) + "</base64>")
	case []any:
		b.WriteString("<array><data>")
		for _, item := range v {
			writeXMLValue(b, item)
		}
		b.WriteString("</data></array>")
	}
	b.WriteString("</value>")
}

var errNotXMLRPC = errors.New("it is not an XML-RPC response")

// fault is the answer of a call that failed.
type fault struct {
	code int64
	text string
}

func (f *fault) Error() string { return fmt.Sprintf("fault %d: %.500s", f.code, f.text) }

// parseXMLResult reads the response of an XML-RPC call. A fault is a *fault.
func parseXMLResult(response []byte) (any, error) {
	d := xmlReader{xml.NewDecoder(bytes.NewReader(response)), 0}
	d.Strict = true
	if name, err := d.next(); err != nil || name != "methodResponse" {
		return nil, errNotXMLRPC
	}
	isFault := false
	name, err := d.next()
	for err == nil && (name == "params" || name == "param" || name == "fault") {
		isFault = isFault || name == "fault"
		name, err = d.next()
	}
	if err != nil || name != "value" {
		return nil, errNotXMLRPC
	}
	value, err := d.readValue()
	if err == nil && isFault {
		return nil, newFault(value)
	}
	return value, err
}

func newFault(value any) error {
	f := &fault{}
	members, _ := value.(map[string]any)
	f.code, _ = members["faultCode"].(int64)
	f.text, _ = members["faultString"].(string)
	return f
}

// xmlReader reads the values of XML-RPC.
type xmlReader struct {
	*xml.Decoder
	depth int
}

// maxXMLDepth bounds how deep arrays and structs are nested.
const maxXMLDepth = 100

// next returns the name of the next element that begins.
func (d *xmlReader) next() (string, error) {
	for {
		token, err := d.Token()
		if err != nil {
			return "", err
		}
		if start, ok := token.(xml.StartElement); ok {
			return start.Name.Local, nil
		}
	}
}

// readValue reads what is within a value element, its end too. Text without a type is a string.
func (d *xmlReader) readValue() (any, error) {
	if d.depth++; d.depth > maxXMLDepth {
		return nil, fmt.Errorf("values are nested more than %d deep", maxXMLDepth)
	}
	defer func() { d.depth-- }()
	text := ""
	for {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.CharData:
			text += string(token)
		case xml.StartElement:
			value, err := d.readTyped(token.Name.Local)
			if err != nil {
				return nil, err
			}
			return value, d.skipToEnd("value")
		case xml.EndElement:
			return text, nil
		}
	}
}

// readTyped reads the element of a type.
func (d *xmlReader) readTyped(kind string) (any, error) {
	switch kind {
	case "array":
		return d.readArray()
	case "struct":
		return d.readMembers()
	}
	text, err := d.readText()
	if err != nil {
		return nil, err
	}
	switch kind {
	case "int", "i4", "i8", "i1", "i2":
		return strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	case "double":
		return strconv.ParseFloat(strings.TrimSpace(text), 64)
	case "boolean":
		return strings.TrimSpace(text) == "1", nil
	case "base64":
		content, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
		return blob(content), err
	case "nil":
		return nil, nil
	}
	return text, nil // string, dateTime.iso8601
}

// readText reads the text of an element, its end too.
func (d *xmlReader) readText() (text string, err error) {
	for {
		token, err := d.Token()
		if err != nil {
			return "", err
		}
		switch token := token.(type) {
		case xml.CharData:
			text += string(token)
		case xml.StartElement:
			return "", fmt.Errorf("element %.64q within a text", token.Name.Local)
		case xml.EndElement:
			return text, nil
		}
	}
}

// skipToEnd reads up to the end of the element that is open.
func (d *xmlReader) skipToEnd(name string) error {
	token, err := d.Token()
	for err == nil {
		if _, ended := token.(xml.EndElement); ended {
			return nil
		}
		if _, text := token.(xml.CharData); !text {
			return fmt.Errorf("something follows in the element %s", name)
		}
		token, err = d.Token()
	}
	return err
}

// readArray reads array, data and the values, up to the end of array.
func (d *xmlReader) readArray() (any, error) {
	list := []any{}
	for ends := 0; ends < 2; {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			if token.Name.Local == "data" {
				continue
			}
			value, err := d.readValue()
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		case xml.EndElement:
			ends++
		}
	}
	return list, nil
}

// readMembers reads the members of a struct, up to its end.
func (d *xmlReader) readMembers() (any, error) {
	members, name := map[string]any{}, ""
	for {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			switch token.Name.Local {
			case "name":
				name, err = d.readText()
			case "value":
				members[name], err = d.readValue()
			}
			if err != nil {
				return nil, err
			}
		case xml.EndElement:
			if token.Name.Local == "struct" {
				return members, nil
			}
		}
	}
}
