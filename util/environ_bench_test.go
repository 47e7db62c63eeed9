package util_test

import "testing"

// nginxSCGI has the variables that nginx sends for a small GET with its stock scgi_params: 25, in
// its order.
var nginxSCGI = []string{
	"CONTENT_LENGTH", "0", "SCGI", "1", "REQUEST_METHOD", "GET", "REQUEST_URI", "/app/hello?name=world", "QUERY_STRING", "name=world",
	"CONTENT_TYPE", "", "DOCUMENT_URI", "/app/hello", "DOCUMENT_ROOT", "/usr/share/nginx/html", "SERVER_PROTOCOL", "HTTP/1.1",
	"REQUEST_SCHEME", "http", "REMOTE_ADDR", "127.0.0.1", "REMOTE_PORT", "53210", "SERVER_PORT", "8080", "SERVER_NAME", "localhost",
	"SCRIPT_NAME", "/app", "PATH_INFO", "/hello", "HTTP_HOST", "localhost:8080", "HTTP_USER_AGENT", "Mozilla/5.0 (X11; Linux x86_64)",
	"HTTP_ACCEPT", "text/html,application/xhtml+xml", "HTTP_ACCEPT_LANGUAGE", "en-GB,en;q=0.5", "HTTP_ACCEPT_ENCODING", "gzip, deflate",
	"HTTP_CONNECTION", "keep-alive", "HTTP_COOKIE", "session=0123456789abcdef", "HTTP_UPGRADE_INSECURE_REQUESTS", "1", "HTTP_PRIORITY", "u=0",
}

func BenchmarkEnvironFromBlock(b *testing.B) {
	block := block(30)
	b.ReportAllocs()
	b.SetBytes(int64(len(block)))
	for b.Loop() {
		sink = fromBlock(block)
	}
}

// BenchmarkEnvironGet searches for the variable that is found last and for one that is not set.
func BenchmarkEnvironGet(b *testing.B) {
	e := environ(nginxSCGI...)
	for _, name := range []string{"HTTP_PRIORITY", "CONTENT_LENGTH", "HTTPS"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				e.Get(name)
			}
		})
	}
}
