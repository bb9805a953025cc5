"""Put on PYTHONPATH, this makes any use of the network an error."""

import sys

NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.bind")


def refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event in NETWORK:
        raise RuntimeError(f"the network was used: {event} {arguments}")


sys.addaudithook(refuse)
