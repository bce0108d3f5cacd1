"""Answers scored against what was expected of them: pure functions. Importing it loads no library but pydantic."""
