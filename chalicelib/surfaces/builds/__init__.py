"""The builds contract: logging in with JSON."""
