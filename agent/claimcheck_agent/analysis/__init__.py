"""Analyses Python code: its quality, its security, its types and how much of it its tests cover."""
