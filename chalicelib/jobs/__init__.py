"""The heart: jobs and their states, the agenda of what is due, claims, logs, and what follows from a change."""
