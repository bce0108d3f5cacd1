"""What is done to the orders, three times over: as steps of ours, as SQL, and with pandas.

Each way is what somebody who knows it would write to get this very result.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Step = dict[str, Any]
Pandas = Callable[[Any, Path, Path], object]

_FILTER: Step = {
    "type": "filter",
    "params": {
        "all": [
            {"column": "country", "operator": "in", "value": ["India", "Brazil", "Korea, Republic of"]},
            {"column": "price", "operator": "gte", "value": 100},
        ]
    },
}
_WHERE = "country IN ('India', 'Brazil', 'Korea, Republic of') AND CAST(price AS DECIMAL(18, 2)) >= 100"
_TO_PARQUET: Step = {"type": "convert_format", "params": {"to_format": "parquet"}}
_GROUP: Step = {
    "type": "aggregate",
    "params": {
        "group_by": ["country", "product"],
        "aggregates": [
            {"function": "count"},
            {"function": "sum", "column": "price"},
            {"function": "mean", "column": "quantity"},
            {"function": "max", "column": "ordered_at"},
        ],
    },
}
_GROUPED = (
    "SELECT country, product, count(*) AS count, sum(CAST(price AS DECIMAL(18, 2))) AS sum_price,"
    " avg(CAST(quantity AS BIGINT)) AS mean_quantity, max(ordered_at) AS max_ordered_at"
    " FROM orders GROUP BY ALL ORDER BY country, product"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One thing to do.

    Attributes:
        steps: for the engine.
        sql: over ``orders``, for bare DuckDB.
        pandas: gets the module, the source and the target.
        suffix: of the output.
        budgeted: whether DuckDB's time is promised; memory always is.
    """

    steps: tuple[Step, ...]
    sql: str
    pandas: Pandas
    suffix: str = ".csv"
    budgeted: bool = True

    @property
    def typed(self) -> bool:
        """Whether the output has types other than text."""
        return self.suffix == ".parquet"


def _chosen(pandas: Any, source: Path) -> Any:  # noqa: ANN401  pandas has no types
    orders = pandas.read_csv(source, dtype=str)
    wanted = orders["country"].isin(["India", "Brazil", "Korea, Republic of"])
    return orders[wanted & (pandas.to_numeric(orders["price"]) >= 100)]  # noqa: PLR2004


def _filter_to_csv(pandas: Any, source: Path, target: Path) -> None:  # noqa: ANN401
    _chosen(pandas, source).to_csv(target, index=False)


def _filter_to_parquet(pandas: Any, source: Path, target: Path) -> None:  # noqa: ANN401
    _chosen(pandas, source).to_parquet(target, index=False)


def _to_parquet(pandas: Any, source: Path, target: Path) -> None:  # noqa: ANN401
    read = pandas.read_csv(source, dtype={"customer": str}, parse_dates=["ordered_at"])
    read.to_parquet(target, index=False)


def _aggregate(pandas: Any, source: Path, target: Path) -> None:  # noqa: ANN401
    orders = pandas.read_csv(source, usecols=["country", "product", "price", "quantity", "ordered_at"])
    groups = orders.groupby(["country", "product"], as_index=False)
    groups.agg(
        count=("price", "size"),
        sum_price=("price", "sum"),
        mean_quantity=("quantity", "mean"),
        max_ordered_at=("ordered_at", "max"),
    ).to_csv(target, index=False)


def _sort(pandas: Any, source: Path, target: Path) -> None:  # noqa: ANN401
    orders = pandas.read_csv(source, dtype=str)
    orders["order_id"] = pandas.to_numeric(orders["order_id"])
    orders.sort_values(["country", "ordered_at", "order_id"]).to_csv(target, index=False)


CASES: Mapping[str, Case] = {
    "filter → CSV": Case(steps=(_FILTER,), sql=f"FROM orders WHERE {_WHERE}", pandas=_filter_to_csv),
    "filter → Parquet": Case(
        steps=(_FILTER, _TO_PARQUET),
        sql=f"FROM orders WHERE {_WHERE}",
        pandas=_filter_to_parquet,
        suffix=".parquet",
    ),
    "CSV → Parquet": Case(steps=(_TO_PARQUET,), sql="FROM orders", pandas=_to_parquet, suffix=".parquet"),
    "aggregate": Case(steps=(_GROUP,), sql=_GROUPED, pandas=_aggregate, budgeted=False),
    # The last key leaves no two rows equal: there is one order, and nothing to do to keep it stable.
    "sort": Case(
        steps=({"type": "sort", "params": {"by": ["country", "ordered_at", "order_id"]}},),
        sql="FROM orders ORDER BY country, ordered_at, CAST(order_id AS BIGINT)",
        pandas=_sort,
        budgeted=False,
    ),
}
