package headers_test

import (
	"fmt"

	"github.com/cgikit/cgikit/headers"
)

func Example() {
	var h headers.Headers
	for _, f := range []headers.Field{
		{Name: "Content-Type", Value: "text/plain"},
		{Name: "Set-Cookie", Value: "a=1"},
		{Name: "Set-Cookie", Value: "b=2"},
	} {
		if err := h.Add(f.Name, f.Value); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(h.Get("content-type"), h.GetAll("set-cookie"))
	fmt.Printf("%q\n", h.String())
	// Output:
	// text/plain [a=1 b=2]
	// "Content-Type: text/plain\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n"
}

func ExampleHeaders_Set() {
	h := headers.New(
		headers.Field{Name: "Cache-Control", Value: "no-store"},
		headers.Field{Name: "Vary", Value: "Accept"},
	)
	if err := h.Set("cache-control", "max-age=60"); err != nil {
		fmt.Println(err)
	}
	for name, value := range h.All() {
		fmt.Println(name, "=", value)
	}
	// Output:
	// Vary = Accept
	// cache-control = max-age=60
}

// A value from a client that would begin a second field is refused.
func ExampleHeaders_Err() {
	h := headers.New(
		headers.Field{Name: "Content-Type", Value: "text/html"},
		headers.Field{Name: "Location", Value: "/next\r\nSet-Cookie: admin=1"},
	)
	fmt.Println(h.Err())
	fmt.Println(h.Keys())
	// Output:
	// headers: field "Location" with value "/next\r\nSet-Cookie: admin=1" refused: byte 5 of the value, "\r", is a control character
	// [Content-Type]
}

func ExampleHeaders_AddHeader() {
	var h headers.Headers
	name := headers.Param{Name: "filename", Value: "Übersicht 2026.pdf"}
	if err := h.AddHeader("Content-Disposition", "attachment", name); err != nil {
		fmt.Println(err)
	}
	session := []headers.Param{{Name: "HttpOnly", Bare: true}, {Name: "Secure", Bare: true}}
	if err := h.AddHeader("Set-Cookie", "id=1", session...); err != nil {
		fmt.Println(err)
	}
	fmt.Println(h.Get("Content-Disposition"))
	fmt.Println(h.Get("Set-Cookie"))
	// Output:
	// attachment; filename="_bersicht 2026.pdf"; filename*=UTF-8''%C3%9Cbersicht%202026.pdf
	// id=1; HttpOnly; Secure
}

// A server adds its own fields and the blank line.
func ExampleHeaders_AppendTo() {
	h := headers.New(headers.Field{Name: "Content-Length", Value: "0"})
	head := []byte("Status: 204 No Content\r\n")
	head = h.AppendTo(head)
	head = append(head, "\r\n"...)
	fmt.Printf("%q\n", head)
	// Output: "Status: 204 No Content\r\nContent-Length: 0\r\n\r\n"
}
