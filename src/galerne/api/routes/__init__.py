"""The addresses, one file per group."""
