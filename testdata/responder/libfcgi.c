/* A responder on libfcgi, one request at a time, on the unix socket that its argument names. It does what the query says. */
#include <fcgiapp.h>
#include <string.h>

static void echo(FCGX_Request *r) {
	char part[10000];
	int n;
	FCGX_FPrintF(r->out, "Status: 202 Accepted\r\nContent-Type: text/plain\r\nX-Path: %s|%s\r\n\r\n%s\n", FCGX_GetParam("SCRIPT_NAME", r->envp),
		FCGX_GetParam("PATH_INFO", r->envp), FCGX_GetParam("REQUEST_METHOD", r->envp));
	while ((n = FCGX_GetStr(part, sizeof part, r->in)) > 0)
		FCGX_PutStr(part, n, r->out);
}

static void large(FCGX_Request *r) {
	char part[50000];
	int i;
	memset(part, 'x', sizeof part);
	FCGX_PutS("Content-Type: text/plain\r\n\r\n", r->out);
	for (i = 0; i < 200; i++)
		FCGX_PutStr(part, sizeof part, r->out);
}

static void serve(FCGX_Request *r) {
	const char *does = FCGX_GetParam("QUERY_STRING", r->envp);
	if (does && strcmp(does, "large") == 0) {
		large(r);
	} else if (does && strcmp(does, "early") == 0) {
		FCGX_PutS("Status: 403 Not For You\r\nContent-Type: text/plain\r\n\r\nearly", r->out);
	} else if (does && strcmp(does, "log") == 0) {
		FCGX_PutS("said to the log\n", r->err);
		FCGX_SetExitStatus(3, r->out);
		FCGX_PutS("Content-Type: text/plain\r\n\r\nok", r->out);
	} else {
		echo(r);
	}
}

int main(int argc, char **argv) {
	FCGX_Request r;
	int sock;
	if (argc != 2 || FCGX_Init() != 0 || (sock = FCGX_OpenSocket(argv[1], 16)) < 0 || FCGX_InitRequest(&r, sock, 0) != 0)
		return 1;
	while (FCGX_Accept_r(&r) == 0) {
		serve(&r);
		FCGX_Finish_r(&r);
	}
	return 0;
}
