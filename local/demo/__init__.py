"""The main jobs, for real, through public HTTP only: ``python -m local.demo``."""
