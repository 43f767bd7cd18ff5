"""A lean target in a process of its own: answers at once and counts requests by path; `GET /counts` tells them."""

from __future__ import annotations

import json
import select
import socket
from collections import Counter


def main() -> None:
    """Prints its port, then serves until it is ended. 503 for what is below `/broken`."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listener.setblocking(False)
    print(listener.getsockname()[1], flush=True)
    poll, clients, counts = select.epoll(), dict[int, socket.socket](), Counter[str]()
    poll.register(listener, select.EPOLLIN)
    while True:
        for fd, _ in poll.poll():
            if fd == listener.fileno():
                _accept(listener, poll, clients)
                continue
            client = clients.pop(fd)
            try:
                asked = client.recv(65536).decode("latin-1")
                if asked:
                    client.sendall(_answer(asked.split(" ")[1], counts))
            except OSError:
                continue  # the one who asked has gone
            finally:
                client.close()


def _accept(listener: socket.socket, poll: select.epoll, clients: dict[int, socket.socket]) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except BlockingIOError:
            return
        clients[client.fileno()] = client
        poll.register(client, select.EPOLLIN)


def _answer(path: str, counts: Counter[str]) -> bytes:
    body = json.dumps(counts) if path == "/counts" else "ok"
    counts[path] += 1
    status = "503 No" if path.startswith("/broken") else "200 OK"
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


if __name__ == "__main__":
    main()
