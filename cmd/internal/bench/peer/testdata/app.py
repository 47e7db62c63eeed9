"""The application of the benchmarks as a WSGI application, for uwsgi."""

LARGE = b"x" * (1 << 20)
PIECE = b"x" * 32768
NAMES = ["HTTP_X_FIELD_%02d" % i for i in range(1, 26)]


def answer(environ):
    query = environ["QUERY_STRING"]
    if query == "echo":
        return "".join("%s=%s\n" % (name, environ[name]) for name in NAMES).encode("latin-1")
    if query == "post":
        total = 0
        while block := environ["wsgi.input"].read(16384):
            total += len(block)
        return b"%d\n" % total
    if query == "large":
        return LARGE
    return b"hello\n"


def stream(size):
    while size > 0:
        yield PIECE[:size]
        size -= len(PIECE)


def application(environ, start_response):
    name, _, size = environ["QUERY_STRING"].partition("=")
    if name in ("stream", "flush"):  # WSGI has a server send each piece at once
        start_response("200 OK", [("Content-Type", "text/plain")])
        return stream(int(size))
    body = answer(environ)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
