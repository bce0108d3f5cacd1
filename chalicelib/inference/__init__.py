"""A client of endpoints that speak OpenAI's API, for language models and for embeddings."""
