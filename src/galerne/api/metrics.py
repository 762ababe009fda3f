"""What Prometheus reads at /metrics. Filled from three sides: requests, accounts of answers, engines."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from galerne.flows.meter import Account, Unlimited
from galerne.flows.served import ServedModels

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


class Metrics(Unlimited):
    """The meters of one application, in a registry of their own. Fills the port `Meter`."""

    def __init__(self, models: ServedModels) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Engines(models))
        self._requests = self._counter("galerne_http_requests", "HTTP requests.", "route", "method", "status")
        self._seconds = self._histogram("galerne_http_request_seconds", "Request to end of response.", "route")
        self._first_token = self._histogram("galerne_first_token_seconds", "Question to first text.", "model")
        self._answers = self._counter("galerne_answers", "Answers that an engine worked on.", "model", "reason")
        self._tokens = self._counter("galerne_tokens", "Tokens; cached ones are prompt, too.", "model", "kind")
        self._queue = self._histogram("galerne_queue_seconds", "Waiting for the engine.", "model")
        self._cpu = self._counter("galerne_cpu_seconds", "CPU time of answers.", "model")

    def settle(self, account: Account) -> None:
        work = account.work
        self._answers.labels(account.model, account.reason.value).inc()
        for kind, tokens in (
            ("prompt", work.prompt_tokens),
            ("cached", work.cached_tokens),
            ("completion", work.completion_tokens),
        ):
            self._tokens.labels(account.model, kind).inc(tokens)
        self._queue.labels(account.model).observe(work.queue_seconds)
        self._cpu.labels(account.model).inc(work.cpu_seconds or 0)

    def count_request(self, route: str, method: str, status: int, seconds: float) -> None:
        method = method if method in _METHODS else "other"  # a client must not be able to invent label values
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def note_first(self, model: str, seconds: float) -> None:
        self._first_token.labels(model).observe(seconds)

    def exposition(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self._registry)

    def _counter(self, name: str, help: str, *labels: str) -> Counter:
        return Counter(name, help, labels, registry=self._registry)

    def _histogram(self, name: str, help: str, label: str) -> Histogram:
        return Histogram(name, help, (label,), registry=self._registry, buckets=_SECONDS)


class _Engines(Collector):
    """What the engines say of themselves, at the moment of reading."""

    def __init__(self, models: ServedModels) -> None:
        self._models = models

    def collect(self) -> Iterator[Metric]:
        families: dict[str, GaugeMetricFamily] = {}
        for model in self._models:
            for name, value in model.generator.statistics().items():
                if name not in families:
                    families[name] = GaugeMetricFamily(
                        f"galerne_engine_{name}", f"{name} of the engine", labels=["model"]
                    )
                families[name].add_metric([model.name], value)
        yield from families.values()
