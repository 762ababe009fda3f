"""Galerne beside the engines that people use, on the same weights, in one run: `make bench`."""
