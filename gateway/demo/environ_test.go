package demo

import "testing"

func TestEnvironIsAsSent(t *testing.T) {
	r := request("/environ")
	r.Environ.Add("ZZZ", "1")
	r.Environ.Add("EMPTY", "")
	r.Environ.Add("ZZZ", "a=b <c>")
	want := "REQUEST_METHOD=GET\nSCRIPT_NAME=\nPATH_INFO=/environ\nZZZ=1\nEMPTY=\nZZZ=a=b <c>\n"
	a := fetchComplete(t, r, "200 OK")
	if a.body != want {
		t.Errorf("got %q; want %q", a.body, want)
	}
	if got := a.Headers.Get("Content-Type"); got != "text/plain; charset=utf-8" {
		t.Errorf("got Content-Type %q", got)
	}
}

func TestEnvironCannotBeForged(t *testing.T) {
	r := request("/environ", "HTTP_X", "a\nREMOTE_USER=root\r", "SCRIPT_NAME", "")
	a := fetchComplete(t, r, "200 OK")
	a.lacks(t, "\nREMOTE_USER", "\r")
	a.contains(t, `HTTP_X=a\nREMOTE_USER=root\r`+"\n")
}
