"""What schemathesis is told about right requests: names and numbers that no schema can know."""

from __future__ import annotations

import schemathesis
from schemathesis import Case, HookContext

LIMITED = ("n", "top_logprobs", "max_tokens", "max_completion_tokens", "min_tokens", "stream_options")
"""What a right request may ask too much of, or only together with something else."""
LANGUAGE = {"model": "mistral-small-latest", **dict.fromkeys(LIMITED)}
EMBEDDER = {"model": "mistral-embed", "dimensions": None, "output_dimension": None}


@schemathesis.hook
def map_case(context: HookContext, case: Case) -> Case:  # noqa: ARG001
    """Most right requests are for a model that there is, and within its limits. Wrong ones stay as they are."""
    right = case.meta is None or case.meta.generation.mode.is_positive
    if right and isinstance(body := case.body, dict) and isinstance(name := body.get("model"), str):
        known = EMBEDDER if case.path.endswith("/embeddings") else LANGUAGE
        if sum(map(ord, name)) % 4 != 3:
            case.body = body | {field: value for field, value in known.items() if field in body}
    return case
