"""The port `Generator` and who fills it."""
