// Package bench measures how many requests an application answers and how long each takes: the work
// of the verb "cgikit bench".
//
//	b := &bench.Bench{Request: request, Conns: 50, Span: 10 * time.Second, RequestTimeout: 10 * time.Second}
//	err := b.Run(ctx) // the result is on standard output
//	os.Exit(cli.Status(err))
//
// A Request is made once and encoded into bytes (encode.go). exercise.go sends them by
// cmd/internal/load, whose package comment says how; script.go runs CGI scripts in the place of a
// connection. first.go explains why the first request fails, where it does. single.go, compare.go
// and sweep.go are the three ways to measure; data.go, text.go, csv.go and plot.go show what came,
// and condition.go compares it with --fail-if.
package bench
