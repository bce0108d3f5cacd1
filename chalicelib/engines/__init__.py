"""Workers that know nothing of jobs: a path and a plan in, a path and a report out."""
