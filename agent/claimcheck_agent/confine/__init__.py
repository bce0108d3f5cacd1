"""Runs code that nobody here wrote, such as a build's or an analysed project's, within limits."""
