"""Requests -> tokens: sequences, cache, scheduler, sampler, events. The engine never sees text."""
