"""Builds and analyses: code that agents write, and what tools find in it, watched live."""
