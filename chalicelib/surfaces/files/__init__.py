"""The files contract: accounts and file jobs under ``/api/v1``."""
