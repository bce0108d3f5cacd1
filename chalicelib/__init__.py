"""Claimcheck: one core of jobs, claims, logs, secrets and objects, spoken in several API contracts."""

import gc

# Looking for garbage after every 700 new objects, as Python does unless told otherwise, takes a twelfth of a cold
# start, which makes hardly any, and some of every request.
gc.set_threshold(100_000, 10, 10)

VERSION = "1.0.0"
