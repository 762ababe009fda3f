"""Connections that are silent, slow or too many take nothing from others."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from time import monotonic, sleep

import pytest
from tests.api.house import CHAT, House, question
from tests.contract.server import running

from galerne.api.server import Server

SECONDS = 0.3
"""Until headers must have come."""


@contextmanager
def limited(files: int = 4096, headers_seconds: float = SECONDS) -> Iterator[int]:
    """The port of a server that may have so many files open."""
    server = Server(House().app, files, headers_seconds=headers_seconds, grace_seconds=1)
    with running(server) as url:
        yield int(url.rpartition(":")[2])


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with limited() as port:
        yield port


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def request() -> bytes:
    body = json.dumps(question()).encode()
    return b"POST %s HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (
        CHAT.encode(),
        len(body),
        body,
    )


def answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body."""
    received = b""
    while b"\r\n\r\n" not in received and (more := connection.recv(65536)):
        received += more
    head, _, body = received.partition(b"\r\n\r\n")
    line, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    while len(body) < int(headers["content-length"]):
        body += connection.recv(65536)
    return int(line.split()[1]), headers, body


def assert_refused(connection: socket.socket, status: int, code: str, message: str) -> None:
    received, headers, body = answer(connection)
    error = json.loads(body)
    assert (received, error["code"]) == (status, code)
    assert message in error["message"]
    assert headers["x-request-id"] == error["request_id"] != ""
    assert connection.recv(1) == b""  # it is closed


def test_headers_that_do_not_come_in_time_are_refused(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n")
        assert_refused(connection, 408, "too_slow", "headers did not arrive within 0.3 seconds")


def test_a_connection_that_says_nothing_is_closed(port: int) -> None:
    with connect(port) as connection:
        began = monotonic()
        assert connection.recv(1) == b""
        assert monotonic() - began >= SECONDS


def test_the_next_request_has_as_much_time(port: int) -> None:
    with connect(port) as connection:
        for _ in range(3):  # in all, longer than one may take
            sleep(SECONDS / 2)
            connection.sendall(request())
            assert answer(connection)[0] == 200
        connection.sendall(b"GET / HT")
        assert_refused(connection, 408, "too_slow", "headers")


def test_what_is_no_request_is_refused_in_our_voice(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00 nonsense\r\n\r\n")
        assert_refused(connection, 400, "bad_request", "not a request in HTTP/1.1")


def test_connections_beyond_the_most_are_refused_and_those_that_are_there_go_on() -> None:
    with limited(files=32, headers_seconds=30) as port, ExitStack() as stack:
        first, *others = [stack.enter_context(connect(port)) for _ in range(16)]
        first.sendall(request())
        assert answer(first)[0] == 200
        assert_refused(stack.enter_context(connect(port)), 503, "unavailable", "too many connections")
        others.pop().close()
        first.sendall(request())
        assert answer(first)[0] == 200
        deadline = monotonic() + 10
        while monotonic() < deadline:  # until the server saw that one is gone
            with connect(port) as again:
                again.sendall(request())
                if answer(again)[0] == 200:
                    return
        pytest.fail("a connection that ended still counts")
