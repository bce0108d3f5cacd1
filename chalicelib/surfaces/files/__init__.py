"""The files contract: accounts under ``/api/v1``."""
