/* One worker of the benchmark of process managers: libfcgi on the socket that is descriptor 0. */
#include <fcgi_stdio.h>

int main(void) {
	while (FCGI_Accept() >= 0)
		printf("Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n");
	return 0;
}
