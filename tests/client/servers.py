"""Servers that answer as told, or misbehave."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Recorder:
    """What a server was sent: (path, body)."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, bytes]] = []
        self.status = 202
        self.location = ""  # where a redirection leads
        self.before_answer: Callable[[], object] = lambda: None
        self.url = ""


@contextmanager
def recording() -> Iterator[Recorder]:
    """A server that keeps what it gets and answers with `status`."""
    recorder = Recorder()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            recorder.requests.append((self.path, body))
            recorder.before_answer()
            self.send_response(recorder.status)
            if recorder.location:
                self.send_header("location", recorder.location)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    # By default it looks for the end of a test twice a second.
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    recorder.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield recorder
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def silent() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def talking_nonsense() -> Iterator[str]:
    """A server that answers with what is neither TLS nor HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(b"\x00\xff go away\r\n" * 50)

        threading.Thread(target=answer, daemon=True).start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
