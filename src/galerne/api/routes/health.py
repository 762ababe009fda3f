"""`GET /healthz` and `GET /readyz`: for whoever starts, restarts or balances servers."""

from __future__ import annotations

from galerne.api.documentation import fails
from galerne.api.router import Router
from galerne.errors import ModelLoading
from galerne.flows.served import ServedModels


def health_routes(models: ServedModels, default: str) -> Router:
    router = Router(tags=["health"])

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The server is alive."""
        return {"status": "alive"}

    @router.get("/readyz", responses=fails(ModelLoading))
    async def readyz() -> dict[str, str]:
        """The default model really produced a token. 503 until then, and while its engine is being restarted."""
        model = models.writer(default)
        if model is None or not await model.generator.ready():
            raise ModelLoading(f"{default} is not ready.", hint="Try again soon.")
        return {"status": "ready"}

    return router
