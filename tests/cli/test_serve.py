"""Where the server listens, and what is said when it cannot."""

from __future__ import annotations

import socket

import pytest

from galerne.cli.serve import listen
from galerne.errors import SettingsError


@pytest.mark.parametrize(
    ("host", "family"), [("127.0.0.1", socket.AF_INET), ("localhost", None), ("::1", socket.AF_INET6)]
)
def test_it_listens(host: str, family: int | None) -> None:
    try:
        listener = listen(host, 0)
    except SettingsError:
        if host != "::1":
            raise
        pytest.skip("this machine has no IPv6")
    with listener, socket.create_connection(listener.getsockname()[:2]):
        assert family in (None, listener.family)


def test_a_port_in_use() -> None:
    with listen("127.0.0.1", 0) as listener, pytest.raises(SettingsError, match="is in use") as caught:
        listen("127.0.0.1", listener.getsockname()[1])
    assert caught.value.where == "port"
    assert "--port" in str(caught.value)


def test_a_port_can_be_taken_again_at_once() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), listener.accept()[0]:
            pass
    listen("127.0.0.1", port).close()


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a" * 100, "1.2.3.4.5", "\x00", "é" * 70])
def test_a_host_that_is_none(host: str) -> None:
    with pytest.raises(SettingsError, match="there is no host") as caught:
        listen(host, 0)
    assert caught.value.where == "host"


def test_a_host_that_is_another_machine() -> None:
    with pytest.raises(SettingsError, match="not an address of this machine"):
        listen("203.0.113.1", 0)  # RFC 5737: for documentation, nobody's
