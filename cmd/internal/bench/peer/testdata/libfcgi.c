/* The application of the benchmarks on libfcgi, with as many threads as the first argument says, on
   the unix socket that the second names. Each thread has one connection at a time, and keeps it as
   long as the web server wants. The program ends when standard input does. */
#include <fcgiapp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LARGE (1 << 20)
#define PIECE (1 << 15)

static int sock;
static char large[LARGE];

static void echo(FCGX_Request *r) {
	char name[32];
	int i;
	FCGX_PutS("Content-Type: text/plain\r\n\r\n", r->out);
	for (i = 1; i <= 25; i++) {
		const char *value;
		snprintf(name, sizeof name, "HTTP_X_FIELD_%02d", i);
		value = FCGX_GetParam(name, r->envp);
		FCGX_FPrintF(r->out, "%s=%s\n", name, value ? value : "");
	}
}

static void count(FCGX_Request *r) {
	char buf[16384];
	int n, total = 0;
	while ((n = FCGX_GetStr(buf, sizeof buf, r->in)) > 0)
		total += n;
	FCGX_FPrintF(r->out, "Content-Type: text/plain\r\n\r\n%d\n", total);
}

static void stream(FCGX_Request *r, long left, int flush) {
	FCGX_PutS("Content-Type: text/plain\r\n\r\n", r->out);
	for (; left > 0; left -= PIECE) {
		FCGX_PutStr(large, left < PIECE ? left : PIECE, r->out);
		if (flush)
			FCGX_FFlush(r->out);
	}
}

static void answer(FCGX_Request *r) {
	const char *query = FCGX_GetParam("QUERY_STRING", r->envp);
	long size;
	if (query && sscanf(query, "stream=%ld", &size) == 1) {
		stream(r, size, 0);
	} else if (query && sscanf(query, "flush=%ld", &size) == 1) {
		stream(r, size, 1);
	} else if (query && strcmp(query, "echo") == 0) {
		echo(r);
	} else if (query && strcmp(query, "post") == 0) {
		count(r);
	} else if (query && strcmp(query, "large") == 0) {
		FCGX_FPrintF(r->out, "Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n", LARGE);
		FCGX_PutStr(large, LARGE, r->out);
	} else {
		FCGX_PutS("Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n", r->out);
	}
}

static void *serve(void *unused) {
	FCGX_Request r;
	(void)unused;
	FCGX_InitRequest(&r, sock, 0);
	while (FCGX_Accept_r(&r) == 0) {
		answer(&r);
		FCGX_Finish_r(&r);
	}
	return NULL;
}

int main(int argc, char **argv) {
	int n = argc == 3 ? atoi(argv[1]) : 0;
	char c;
	memset(large, 'x', LARGE);
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
