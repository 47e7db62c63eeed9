// Package check asks a target from outside whether it keeps the rules of its protocol: the verb
// check. Each Check has an id of testdata/requirements.txt and a number, such as F17.1, and sends
// its own bytes, valid or not, over its own connections. A Run has one Result for each.
//
//	run := &check.Run{Target: t, Timeout: 2 * time.Second}
//	results, err := run.All(ctx, check.For("fastcgi"))
//
// The verdict of a check is pass, fail (a MUST is broken), warn (a SHOULD is broken), info (the
// specification leaves it open) or skip. Text, WriteJSON, WriteJUnit and WriteMarkdown write the
// results.
//
// A check compares what it gets with the answer to a plain request, the first that a Run sends. It
// so needs no special application: an error page of php-fpm is an answer too. With Run.Echo the
// target is the application of Echo, which shows what arrived, and more checks apply. ParseURL
// names a web server in front of that application.
package check
