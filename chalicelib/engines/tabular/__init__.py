"""Tables in files, from a local path to another: read, taken through steps, written. Importing it loads no DuckDB."""
