"""GGUF and safetensors files -> named tensors; the model catalogue, pulling, digests."""
