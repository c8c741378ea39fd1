"""A real server that takes webhooks, with answers of one's choosing."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread


@dataclass
class Message:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Answers with `statuses`, one after the other, then with 200."""

    url: str
    statuses: list[int] = field(default_factory=list)
    messages: Queue[Message] = field(default_factory=Queue)

    def next(self) -> Message:
        return self.messages.get(timeout=30)

    def all(self) -> list[Message]:
        return [self.messages.get() for _ in range(self.messages.qsize())]


@contextmanager
def receiver(*statuses: int) -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            here.messages.put(Message(self.path, headers, body))
            status = here.statuses.pop(0) if here.statuses else 200
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("location", f"{here.url}/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        here = Receiver(f"http://127.0.0.1:{server.server_port}", list(statuses))
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield here
        server.shutdown()
        thread.join()
