"""Builds: a project is written from an order, by templates or by a model, tested, and delivered as an archive."""
