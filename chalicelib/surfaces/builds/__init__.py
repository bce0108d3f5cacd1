"""The builds contract: logging in with JSON, builds, analyses."""
