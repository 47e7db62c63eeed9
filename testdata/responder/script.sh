#!/bin/sh
# A CGI script, for fcgiwrap. It does what the query says.
case $QUERY_STRING in
large)
	printf 'Content-Type: text/plain\r\n\r\n'
	head -c 10000000 /dev/zero | tr '\0' x
	;;
early)
	printf 'Status: 403 Not For You\r\nContent-Type: text/plain\r\n\r\nearly'
	;;
log)
	echo 'said to the log' >&2
	printf 'Content-Type: text/plain\r\n\r\nok'
	exit 3
	;;
*)
	printf 'Status: 202 Accepted\r\nContent-Type: text/plain\r\nX-Path: %s|%s\r\n\r\n%s\n' "$SCRIPT_NAME" "$PATH_INFO" "$REQUEST_METHOD"
	cat
	;;
esac
