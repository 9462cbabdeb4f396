"""Stands between the mirror and PocketBase, and fails on purpose; all else goes through to the real one."""

import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class FaultyProxy:
    """Every n-th request to write fails in one way: an answer, a connection cut before or after PocketBase acted."""

    def __init__(self, port: int) -> None:
        self._fault, self._every, self._refused = "", 0, ""
        self._lock = threading.Lock()
        self._seen = 0
        self.failed = 0
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                if proxy._refused and proxy._refused.encode() in body + self.path.encode() and self.command != "GET":
                    self.answer(400, json.dumps({"data": {}, "message": "no", "status": 400}).encode())
                    return
                fault = proxy._next_fault(self.command, self.path)
                if fault == "cut":
                    self.close_connection = True
                    return
                if fault.isdigit():
                    self.answer(int(fault), b"{}", {"retry-after": "7"} if fault == "429" else {})
                    return
                connection = http.client.HTTPConnection("127.0.0.1", port)
                headers = {name: self.headers[name] for name in ("authorization", "content-type") if name in self.headers}
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
                connection.close()
                if fault == "cut_after":
                    self.close_connection = True
                    return
                self.answer(answer.status, content)

            do_GET = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815 - as http.server calls them

            def answer(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - as http.server calls it
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def fail(self, fault: str, every: int) -> None:
        self._fault, self._every = fault, every

    def refuse(self, id_: str) -> None:
        """Answer 400 without a reason to whatever names this id."""
        self._refused = id_

    def _next_fault(self, method: str, path: str) -> str:
        if method == "GET" or "auth-with-password" in path:
            return ""
        with self._lock:
            self._seen += 1
            if not self._every or self._seen % self._every:
                return ""
            self.failed += 1
            return self._fault

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
