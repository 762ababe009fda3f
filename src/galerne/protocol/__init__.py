"""What clients say, as strict pydantic models."""
