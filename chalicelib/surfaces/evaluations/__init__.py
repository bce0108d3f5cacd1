"""The evaluations contract: scoring the answers of AI agents."""
