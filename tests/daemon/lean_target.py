"""A target in a process of its own that costs little: 503 for what is below `/broken`, else 200, at once."""

from __future__ import annotations

import select
import socket

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
BAD = GOOD.replace(b"200 OK", b"503 No")


def main() -> None:
    """Prints its port, then serves until it is ended."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listener.setblocking(False)
    print(listener.getsockname()[1], flush=True)
    poll, clients = select.epoll(), dict[int, socket.socket]()
    poll.register(listener, select.EPOLLIN)
    while True:
        for fd, _ in poll.poll():
            if fd == listener.fileno():
                _accept(listener, poll, clients)
                continue
            client = clients.pop(fd)
            try:
                if asked := client.recv(65536):
                    client.sendall(BAD if b" /broken" in asked else GOOD)
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


if __name__ == "__main__":
    main()
