"""Evaluations: a data set's answers are scored in batches, each a job of its own, and then gathered."""
