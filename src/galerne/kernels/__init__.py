"""The arithmetic: `reference` (numpy, slow, obvious) and its fast twins."""
