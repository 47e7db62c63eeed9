/* The hello app on libfcgi, with as many threads as the first argument says, on the unix socket that the second names. Each thread
   has one connection, kept as long as the web server wants. It ends when standard input does. */
#include <fcgiapp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int sock;

static void *serve(void *unused) {
	FCGX_Request r;
	(void)unused;
	FCGX_InitRequest(&r, sock, 0);
	while (FCGX_Accept_r(&r) == 0) {
		FCGX_PutS("Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n", r.out);
		FCGX_Finish_r(&r);
	}
	return NULL;
}

int main(int argc, char **argv) {
	int n = argc == 3 ? atoi(argv[1]) : 0;
	char c;
	if (n < 1 || FCGX_Init() != 0 || (sock = FCGX_OpenSocket(argv[2], 128)) < 0)
		return 1;
	while (n-- > 0) {
		pthread_t t;
		if (pthread_create(&t, NULL, serve, NULL) != 0)
			return 1;
	}
	printf("ready %s\n", argv[2]);
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
	return 0;
}
