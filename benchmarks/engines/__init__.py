"""One file per engine. Each runs in that engine's own environment, so it imports nothing else: not even Galerne."""
