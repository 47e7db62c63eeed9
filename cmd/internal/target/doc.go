// Package target is the TARGET of the verbs that ask: what it names (Parse), a connection to it
// (Target.Dial), the Backend that asks it (Target.Backend), and what to tell the user when it does
// not answer (Target.Explain, Identify).
//
//	t, err := target.Parse("fastcgi+unix:/run/php/php-fpm.sock")
//	if err != nil {
//		return err // with a hint, exit status 2
//	}
//	conn, err := t.Dial(ctx) // an error has a hint: refused, no permission, no such socket
//
// The package imports neither net/http nor a command-line library: cgikit-ping is made of it.
package target
