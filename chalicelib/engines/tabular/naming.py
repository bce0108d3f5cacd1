"""What an output is called."""

_ENDINGS = (".gz", ".gzip", ".zst", ".zstd", ".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".pq")


def output_name(file_name: str, suffix: str) -> str:
    """The input's name without its endings, ``_processed``, and the ending of what the output is.

    Args:
        file_name: as its owner calls the input, such as ``sales.csv.gz``.
        suffix: of the output, such as ``.parquet``.
    """
    stem = file_name
    while (ending := next((each for each in _ENDINGS if stem.lower().endswith(each)), None)) and stem != ending:
        stem = stem[: -len(ending)]
    return f"{stem}_processed{suffix}"
