<?php
// The application of the benchmarks, for php-fpm.
header('Content-Type: text/plain');
[$query, $size] = explode('=', $_SERVER['QUERY_STRING'] . '=0');
switch ($query) {
case 'stream':
case 'flush':
	$piece = str_repeat('x', 32768);
	for ($left = (int)$size; $left > 0; $left -= 32768) {
		echo $left < 32768 ? substr($piece, 0, $left) : $piece;
		if ($query == 'flush') {
			flush();
		}
	}
	break;
case 'echo':
	for ($i = 1; $i <= 25; $i++) {
		$name = sprintf('HTTP_X_FIELD_%02d', $i);
		echo $name, '=', $_SERVER[$name], "\n";
	}
	break;
case 'post':
	echo strlen(file_get_contents('php://input')), "\n";
	break;
case 'large':
	header('Content-Length: ' . (1 << 20));
	echo str_repeat('x', 1 << 20);
	break;
default:
	header('Content-Length: 6');
	echo "hello\n";
}
