#!/usr/bin/env bash
# The same programs and bounds as main.go, timed by hyperfine (a Debian package): rounds in turn, so that a machine that changes its
# speed changes it for all; the raw medians of each round, in milliseconds, and then the median of each round's ratios.
#
#	bash testdata/bench/cgi/hyperfine.sh [ROUNDS [RUNS]]
set -euo pipefail
cd "$(dirname "$0")"
rounds=${1:-9} runs=${2:-60}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

CGO_ENABLED=0 go build -o "$dir/empty" ./empty
CGO_ENABLED=0 go build -o "$dir/cgikit" ./cgikit
CGO_ENABLED=0 go build -o "$dir/nethttp" ./nethttp
go build -o "$dir/nethttp-default" ./nethttp

export GATEWAY_INTERFACE=CGI/1.1 SERVER_PROTOCOL=HTTP/1.1 REQUEST_METHOD=GET QUERY_STRING= REQUEST_URI=/cgi-bin/hello \
	SCRIPT_NAME=/cgi-bin/hello SERVER_SOFTWARE=bench SERVER_NAME=localhost SERVER_PORT=80 REMOTE_ADDR=127.0.0.1 HTTP_HOST=localhost
printf 'empty\tcgikit\tnethttp\tnethttp-default\n'
for _ in $(seq "$rounds"); do
	hyperfine -N --style none --warmup 5 --runs "$runs" --output=pipe --export-csv "$dir/round.csv" \
		"$dir/empty" "$dir/cgikit" "$dir/nethttp" "$dir/nethttp-default" 2>/dev/null
	awk -F, 'NR > 1 { printf "%s%.2f", (NR > 2 ? "\t" : ""), $4 * 1000 } END { print "" }' "$dir/round.csv"
done | tee "$dir/rounds"
for pair in "1 1.2 empty" "3 0.8 nethttp" "4 0.6 nethttp-default"; do
	read -r column bound name <<<"$pair"
	awk -v c="$column" '{ print $2 / $c }' "$dir/rounds" | sort -n |
		awk -v n="$name" -v b="$bound" '{ r[NR] = $1 } END { printf "cgikit / %s: %.2f, bound %s\n", n, r[int((NR + 1) / 2)], b }'
done
