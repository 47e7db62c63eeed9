# The application of the benchmarks on FCGI.pm, in as many processes as the first argument says, on
# the unix socket that the second names. Each process has one connection at a time.
use strict;
use warnings;
use FCGI;

my ($processes, $path) = @ARGV;
my $socket = FCGI::OpenSocket($path, 128);
my $large = 'x' x (1 << 20);
my $piece = 'x' x 32768;

for (1 .. $processes) {
	defined(my $pid = fork) or die "fork: $!";
	next if $pid;
	serve();
	exit 0;
}
$SIG{TERM} = sub { exit 0 }; # in the place of the handler that libfcgi has set
1 while wait != -1;

sub serve {
	my %env;
	my $request = FCGI::Request(\*STDIN, \*STDOUT, \*STDERR, \%env, $socket);
	while ($request->Accept() >= 0) {
		my $query = $env{QUERY_STRING};
		if ($query eq 'echo') {
			print "Content-Type: text/plain\r\n\r\n";
			for my $i (1 .. 25) {
				my $name = sprintf 'HTTP_X_FIELD_%02d', $i;
				print "$name=$env{$name}\n";
			}
		} elsif ($query eq 'post') {
			my $total = 0;
			while (my $n = read(STDIN, my $buf, 16384)) {
				$total += $n;
			}
			print "Content-Type: text/plain\r\n\r\n$total\n";
		} elsif ($query =~ /^(stream|flush)=(\d+)$/) {
			print "Content-Type: text/plain\r\n\r\n";
			for (my $left = $2; $left > 0; $left -= 32768) {
				print $left < 32768 ? substr($piece, 0, $left) : $piece;
				$request->Flush() if $1 eq 'flush';
			}
		} elsif ($query eq 'large') {
			print "Content-Type: text/plain\r\nContent-Length: ", length $large, "\r\n\r\n", $large;
		} else {
			print "Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n";
		}
	}
}
