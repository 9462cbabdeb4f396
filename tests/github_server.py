"""Behaves as GitHub's API for issues does: tokens, pages with Link headers, rate limits with theirs, and errors."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

TOKEN = "token-of-a-test"


class GitHubServer:
    """One repository, `owner/repo`. `fault` answers the next requests in another way."""

    def __init__(self, *, page: int = 100, base: str = "") -> None:
        self.issues: list[dict[str, Any]] = []
        self.comments: dict[int, list[str]] = {}
        self.asked: list[str] = []
        self.labels: list[str] = []
        self.fault: tuple[int, dict[str, str]] | None = None
        self.cut = 0  # how many requests to write are carried out and not answered
        self.gitea = base.endswith("/api/v1")
        self._page, self._base = page, base
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                server.asked.append(f"{self.command} {self.path}")
                if not self.headers.get("user-agent"):
                    return self.reply(403, {"message": "Request forbidden by administrative rules"})
                if self.headers.get("authorization") != f"Bearer {TOKEN}":
                    return self.reply(401, {"message": "Bad credentials"})
                if server.fault is not None:
                    return self.reply(server.fault[0], {"message": "no"}, server.fault[1])
                status, content, headers = server._answer(self.command, self.path, json.loads(body) if body else None)
                if self.command == "POST" and server.cut:
                    server.cut -= 1
                    self.close_connection = True
                    return None
                return self.reply(status, content, headers)

            do_GET = do_POST = handle_any  # noqa: N815 - as http.server calls them

            def reply(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
                text = json.dumps(content).encode()
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}{base}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def add(self, body: str, **more: Any) -> int:
        number = len(self.issues) + 1
        self.issues.append({"number": number, "html_url": f"https://github.test/{number}", "state": "open", "body": body} | more)
        return number

    def _answer(self, method: str, path: str, body: Any) -> tuple[int, Any, dict[str, str]]:
        url = urlsplit(path)
        place = url.path.removeprefix(f"{self._base}/repos/owner/repo/")
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        comments = re.fullmatch(r"issues/(\d+)/comments", place)
        if not url.path.startswith(f"{self._base}/repos/owner/repo/"):
            return 404, {"message": "Not Found"}, {}
        if method == "GET" and place == "issues":
            newest_first = [issue for issue in reversed(self.issues) if issue["state"] == query["state"]]
            return self._paged(url.path, query, newest_first)
        if method == "GET" and place == "labels":
            return self._paged(url.path, query, [{"id": 70 + n, "name": name} for n, name in enumerate(self.labels)])
        if method == "POST" and place == "issues":
            if self.gitea and not all(isinstance(label, int) for label in body["labels"]):
                return 422, {"message": "labels are numbers here"}, {}
            number = self.add(body["body"], title=body["title"], labels=body["labels"])
            return 201, self.issues[number - 1], {}
        if comments and method == "POST":
            self.comments.setdefault(int(comments[1]), []).append(body["body"])
            return 201, {"body": body["body"]}, {}
        if comments:
            return self._paged(url.path, query, [{"body": text} for text in self.comments.get(int(comments[1]), [])])
        return 404, {"message": "Not Found"}, {}

    def _paged(self, path: str, query: dict[str, str], entries: list[Any]) -> tuple[int, Any, dict[str, str]]:
        page, size = int(query.get("page", "1")), min(int(query["per_page"]), self._page)
        headers = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "4999"}
        if page * size < len(entries):
            rest = "&".join(f"{name}={value}" for name, value in query.items() if name != "page")
            headers["link"] = (
                f'<https://elsewhere.test{path}?{rest}&page={page + 1}>; rel="next", '
                f'<https://elsewhere.test{path}?{rest}&page=9>; rel="last"'
            )
        return 200, entries[(page - 1) * size : page * size], headers

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
