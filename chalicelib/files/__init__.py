"""File jobs: a person's upload, processed step by step into an output to download."""
