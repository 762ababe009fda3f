"""The official clients, as people make them: with the server's address, and any key."""

from __future__ import annotations

from mistralai.client import Mistral
from openai import AsyncOpenAI, OpenAI

KEY = "unused"


def mistral(url: str) -> Mistral:
    return Mistral(api_key=KEY, server_url=url)


def openai(url: str, retries: int = 0) -> OpenAI:
    return OpenAI(api_key=KEY, base_url=f"{url}/v1", max_retries=retries)


def async_openai(url: str, retries: int = 0) -> AsyncOpenAI:
    return AsyncOpenAI(api_key=KEY, base_url=f"{url}/v1", max_retries=retries)
