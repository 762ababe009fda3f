"""The architectures: configuration and forward pass, written once over `kernels`."""
