"""Hostile templates: each ends in a clear error, within its limits, and the next conversation is rendered as ever."""

from __future__ import annotations

import asyncio
import gc
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest

from galerne.errors import InvalidRequest, TemplateError
from galerne.prompt.render_process import RenderProcess

NOW = datetime(2025, 6, 1, 12, 30)
ECHO = "{% for message in messages %}{{ message.content }}{% endfor %}"
LOOP = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"


@contextmanager
def process(template: str, *, seconds: float = 20, output_chars: int = 10_000) -> Iterator[RenderProcess]:
    opened = RenderProcess(template, seconds=seconds, output_chars=output_chars, where="m.gguf")
    try:
        yield opened
    finally:
        opened.close()


def variables(content: str = "hello") -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}]}


REACHING = {
    "an attribute": "{{ ''.__class__ }}",
    "an attribute as a key": "{{ ''['__class__'] }}",
    "an attribute in two pieces": "{{ ''['__cla' ~ 'ss__'] }}",
    "the filter attr": "{{ ''|attr('__class__') }}",
    "the filter map": "{{ messages|map(attribute='__class__')|list }}",
    "the filter groupby": "{{ messages|groupby('__class__')|list }}",
    "a format": "{{ '{0.__class__}'.format(1) }}",
    "a format over a dict": "{{ '{a.__class__}'.format_map({'a': 1}) }}",
    "cycler": "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "joiner": "{{ joiner.__init__.__globals__ }}",
    "lipsum": "{{ lipsum.__globals__['os'] }}",
    "the template itself": "{{ self._TemplateReference__context }}",
    "a macro": "{% macro m() %}{% endmacro %}{{ m._environment }}",
    "a loop": "{% for x in [1] %}{{ loop.__init__.__globals__ }}{% endfor %}",
    "a generator's frame": "{{ (messages|map('upper')).gi_frame }}",
    "a namespace's class": "{% set n = namespace() %}{{ n.__class__ }}",
    "setting a namespace's class": "{% set n = namespace() %}{% set n.__class__ = 1 %}",
    "the clock's owner": "{{ strftime_now.__self__ }}",
    "an undefined name's class": "{{ nothing.__class__ }}",
    "changing a list": "{{ messages.append(1) }}",
    "changing a dict": "{{ messages[0].update({'a': 1}) }}",
}
"""Each reaches for Python, or changes what it is given."""


@pytest.mark.parametrize("name", REACHING)
def test_a_template_cannot_reach_for_python(name: str) -> None:
    with process(REACHING[name]) as opened, pytest.raises(TemplateError, match=r"^m.gguf: .*SecurityError"):
        opened.render(variables(), NOW)


FAILING = {
    "a file": ("{% include '/etc/passwd' %}", "no loader"),
    "a module": ("{% import 'os' as os %}", "no loader"),
    "another template": ("{% extends 'x' %}", "no loader"),
    "bad syntax": ("{% if %}", "TemplateSyntaxError"),
    "an unknown tag": ("{% exec 'x' %}", "unknown tag 'exec'"),
    "an unknown filter": ("{{ 1|nothing }}", "No filter named 'nothing'"),
    "an undefined function": ("{{ nothing() }}", "'nothing' is undefined"),
    "a division by zero": ("{{ 1 / (messages|length - 1) }}", "ZeroDivisionError"),
    "a macro without an end": ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "RecursionError"),
    "brackets without an end": ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "RecursionError"),
    "a range without an end": ("{{ range(10**9)|list }}", "OverflowError"),
    "an output without an end": ("{% for a in range(99999) %}{{ a }}{% endfor %}", "more than 10000 characters"),
    "a text of terabytes": ("{{ messages[0].content * 10**12 }}", "more memory than it may"),
    "a list of terabytes": ("{{ [0] * 10**12 }}", "more memory than it may"),
    "a width of gigabytes": ("{{ '%10000000000d'|format(1) }}", "more memory than it may"),
    "an indent of gigabytes": ("{{ messages|tojson(indent=10**10) }}", "more memory than it may"),
    "doubling": (
        "{% set n = namespace(a='aaaa') %}{% for i in range(99) %}{% set n.a = n.a + n.a %}{% endfor %}",
        "more memory than it may",
    ),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_template_that_fails_says_why(name: str) -> None:
    template, message = FAILING[name]
    with process(template) as opened, pytest.raises(TemplateError, match=message) as refusal:
        opened.render(variables(), NOW)
    assert str(refusal.value).startswith("m.gguf: ")
    assert len(str(refusal.value)) < 1_200


SLOW = {
    "loops": LOOP,
    "a power": "{% set big = messages|length + 10**9 %}{{ big ** big }}",
    "a power while compiling": "{{ (10**9) ** (10**9) }}",
    "a sequence of billions": "{{ [1]|slice(10**9)|list }}",
    "a pattern": "{{ ('www.' * 10**6)|urlize }}{{ ('www.' * 10**6)|urlize }}{{ ('www.' * 10**6)|urlize }}",
}


@pytest.mark.parametrize("name", SLOW)
def test_a_template_that_takes_too_long_is_killed(name: str) -> None:
    with process(SLOW[name], seconds=0.3) as opened, pytest.raises(TemplateError, match=r"more than 0\.3 seconds"):
        opened.render(variables(), NOW)


@pytest.mark.parametrize("template", [LOOP, "{{ 'a' * 10**12 }}", "{{ ''.__class__ }}"])
def test_the_next_conversation_is_rendered_as_ever(template: str) -> None:
    bad = "{% if messages[0].content == 'bad' %}" + template + "{% endif %}" + ECHO
    with process(bad, seconds=2) as opened:
        assert opened.render(variables("one"), NOW) == "one"
        with pytest.raises(TemplateError):
            opened.render(variables("bad"), NOW)
        assert opened.render(variables("two"), NOW) == "two"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that are started from here on."""
    processes: list[subprocess.Popen[bytes]] = []

    class Noted(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            processes.append(self)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    return processes


def test_a_process_that_was_killed_is_replaced(started: list[subprocess.Popen[bytes]]) -> None:
    with process("{% if messages[0].content == 'bad' %}" + LOOP + "{% endif %}" + ECHO, seconds=1) as opened:
        opened.check()
        with pytest.raises(TemplateError):
            opened.render(variables("bad"), NOW)
        assert [each.returncode for each in started] == [-signal.SIGKILL]
        assert opened.render(variables(), NOW) == "hello"
    assert len(started) == 2


def test_a_closed_process_is_started_again(started: list[subprocess.Popen[bytes]]) -> None:
    with process(ECHO) as opened:
        assert opened.render(variables(), NOW) == "hello"
        opened.close()
        assert started[0].returncode is not None
        assert opened.render(variables(), NOW) == "hello"


def test_a_forgotten_process_ends(started: list[subprocess.Popen[bytes]]) -> None:
    forgotten = RenderProcess(ECHO, seconds=20, output_chars=100, where="m.gguf")
    forgotten.check()
    del forgotten
    gc.collect()
    assert started[0].returncode is not None


def test_a_template_that_refuses_blames_the_conversation() -> None:
    with (
        process("{{ raise_exception('roles must alternate' + 'x' * 10**6) }}") as opened,
        pytest.raises(InvalidRequest, match="messages: the model's chat template refuses this: roles must") as refusal,
    ):
        opened.render(variables(), NOW)
    assert len(str(refusal.value)) < 1_200


def test_a_bad_template_is_found_before_the_first_conversation() -> None:
    with process("{% if %}") as opened, pytest.raises(TemplateError, match="TemplateSyntaxError"):
        opened.check()
    with process(ECHO) as opened:
        opened.check()
        assert opened.render(variables(), NOW) == "hello"


def test_conversations_do_not_see_each_other() -> None:
    with process("{% set seen = seen|default(0) + 1 %}{{ seen }}{{ x }}") as opened:
        assert [opened.render({"x": x}, NOW) for x in "ab"] == ["1a", "1b"]


def test_every_character_comes_back() -> None:
    text = "".join(map(chr, [*range(0x300), 0x2028, 0xFFFE, 0xFFFF, 0x10FFFF, 0xD800]))
    with process("{{ text }}", output_chars=len(text)) as opened:
        assert opened.render({"text": text}, NOW) == text


def test_the_longest_output_comes_back() -> None:
    with process("{{ text * 5000 }}", output_chars=10_000) as opened:
        assert opened.render({"text": "🎉é"}, NOW) == "🎉é" * 5000


async def test_threads_take_turns() -> None:
    with process(ECHO) as opened:
        texts = [str(number) for number in range(40)]
        rendered = await asyncio.gather(*(asyncio.to_thread(opened.render, variables(text), NOW) for text in texts))
    assert rendered == texts
