"""The five API contracts, each a thin dialect of the core."""
