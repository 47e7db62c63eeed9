package ping

import "strings"

// Help is the text of the command's help, without examples and flags.
const Help = `Ask each TARGET one question, and tell in one line whether it is healthy.

A TARGET is fastcgi://HOST:PORT, fastcgi+unix:SOCKET, scgi://HOST:PORT,
scgi+unix:SOCKET, http://HOST:PORT or cgi:SCRIPT. Without one it is the
environment variable FCGI_CONNECT, or else the sockets in /run/php and
/run/php-fpm, or else fastcgi://127.0.0.1:9000. Of several targets, the worst
decides the exit status.

The question to a FastCGI application is FCGI_GET_VALUES, which php-fpm answers
without any configuration. An SCGI or HTTP server gets a request for /, and a
CGI script is run. An SCGI server that closes the connection on this request, as
rTorrent does, gets a call by XML-RPC.

  ok         it answered                                  exit status 0
  warning    it answered, and a --warn-if is true         exit status 0
  busy       it accepts connections and does not answer,  exit status 1,
             or its queue is full                         with --live 0
  unhealthy  the answer is wrong, or a --fail-if is true  exit status 1
  dead       it cannot be reached                         exit status 1

A condition of --fail-if and --warn-if is NAME OPERATOR NUMBER, such as
'latency>200ms'. The names are latency, with a unit of time; queue, the
connections that wait to be accepted, as Linux counts them; saturation, the
percentage of processes that work; and the lines of php-fpm's status page:
listen-queue, idle-processes, active-processes, slow-requests and so on. The
counters accepted-conn, slow-requests and max-children-reached never fall: a
liveness probe must not compare them.

php-fpm counts the process that writes the page as active. For up to a second
after a FCGI_GET_VALUES, such as that of a ping without --status, it counts one
more active process and one idle less. --status sends no FCGI_GET_VALUES.`

// Examples are the examples of the help, for the command of that name.
func Examples(command string) string {
	return strings.ReplaceAll(`  PING fastcgi+unix:/run/php/php8.2-fpm.sock
  PING --live fastcgi://127.0.0.1:9000           # liveness: restart what is dead, not what is busy
  PING --wait 30s fastcgi://127.0.0.1:9000       # when a container starts
  PING --fail-if 'saturation>=90%' fastcgi://127.0.0.1:9000
  PING --status /fpm-status -v fastcgi://127.0.0.1:9000
  PING --path /health --expect-body '^ok' scgi://127.0.0.1:4000`, "PING", command)
}
