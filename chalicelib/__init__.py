"""Claimcheck: one core of jobs, claims, logs, secrets and objects, spoken in several API contracts."""
