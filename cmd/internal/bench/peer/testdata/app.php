<?php
// The application of the benchmarks, for php-fpm.
header('Content-Type: text/plain');
switch ($_SERVER['QUERY_STRING']) {
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
