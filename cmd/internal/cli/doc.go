// Package cli has what all verbs of the command share: errors with a hint and an exit status, the
// masking of secrets, colour, and the live line. It imports no command-line library, so that the
// small programs beside the command can use it too.
//
//	err := cli.Usage(errors.New("no TARGET"), "such as fastcgi://127.0.0.1:9000")
//	fmt.Fprint(os.Stderr, cli.Message("cgikit", err))
//	os.Exit(cli.Status(err))
//
// A result goes to standard output. Every other line goes to standard error, as Message writes it.
package cli
