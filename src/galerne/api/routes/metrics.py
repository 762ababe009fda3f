"""`GET /metrics`, for Prometheus."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from galerne.api.metrics import Metrics
from galerne.api.router import Router


def metrics_routes(metrics: Metrics) -> Router:
    router = Router(tags=["health"])

    @router.get("/metrics", response_class=Response)
    async def exposition() -> Response:
        """Counters and gauges in Prometheus' text format."""
        return Response(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)

    return router
