"""From a file as it was uploaded to rows that can be read."""

from pathlib import Path

from .csv_input import open_csv
from .expanding import expand
from .formats import Compression, Target, target_of
from .json_input import open_json
from .limits import Limits
from .parquet_input import open_parquet
from .plan import Plan
from .progress import Progress
from .session import open_session
from .sniffing import compression_of, format_of
from .sources import Source
from .space import expanded_size, require_to_expand, require_to_process
from .texts import refuse_nul


def open_source(source: Path, folder: Path, plan: Plan, limits: Limits, progress: Progress) -> Source:
    """Look at the file, and bring it into the folder in the form in which DuckDB reads it.

    Raises:
        BadFile: it is empty, or not what its format says.
        TooLarge: it grows beyond the limit when it is expanded.
        NotEnoughSpace: there will not be enough temporary space for what the steps need.
    """
    compression = compression_of(source)
    if compression != "none":
        require_to_expand(folder, limits, expanded_size(source, compression))
    plain = _brought_in(source, folder, compression, limits, progress)
    kind = format_of(plain, plan.file_name, plan.options.input_format)
    target = target_of(plan.steps, Target(format=kind)).format
    require_to_process(folder, limits, plain.stat().st_size, (kind, target), plan.steps)
    if kind == "parquet":
        with open_session(source, folder, limits) as connection:
            return open_parquet(plain, connection)
    refuse_nul(plain, progress)
    if kind == "csv":
        return open_csv(plain, compression, plan.options, progress)
    return open_json(plain, kind, compression, plan.options, progress)


def _brought_in(source: Path, folder: Path, compression: Compression, limits: Limits, progress: Progress) -> Path:
    # A name of our own: DuckDB takes the characters *?[ in a path for patterns.
    plain = folder / "source"
    if compression == "none":
        plain.symlink_to(source.resolve())
    else:
        expand(source, plain, compression, limits.expanded_bytes, progress)
    return plain
