# A responder on FCGI.pm, one request at a time, on the unix socket that its argument names. It does what the query says, and ends
# after SIGTERM as Plack's workers do.
use strict;
use warnings;
use FCGI;

my $sock = FCGI::OpenSocket($ARGV[0], 16);
my $request = FCGI::Request(\*STDIN, \*STDOUT, \*STDERR, \%ENV, $sock);
my $ends = 0;
$SIG{TERM} = sub { $ends = 1 };
while (!$ends && $request->Accept() >= 0) {
	my $does = $ENV{QUERY_STRING} // '';
	if ($does eq 'large') {
		print "Content-Type: text/plain\r\n\r\n";
		print 'x' x 50000 for 1 .. 200;
	} elsif ($does eq 'early') {
		print "Status: 403 Not For You\r\nContent-Type: text/plain\r\n\r\nearly";
	} elsif ($does eq 'log') {
		print STDERR "said to the log\n";
		print "Content-Type: text/plain\r\n\r\nok";
	} else {
		print "Status: 202 Accepted\r\nContent-Type: text/plain\r\nX-Path: $ENV{SCRIPT_NAME}|$ENV{PATH_INFO}\r\n\r\n$ENV{REQUEST_METHOD}\n";
		while (read(STDIN, my $part, 10000)) {
			print $part;
		}
	}
	$request->Finish();
}
