"""A CSV file as a shop might have it: orders, with what makes CSV awkward in some of them."""

from pathlib import Path

import duckdb

# As they come out, header aside.
BYTES_PER_ROW = 103

_COUNTRIES = (
    "India", "India", "India", "Germany", "Germany", "Brazil", "United States", "United States", "United States",
    "Japan", "Türkiye", "Côte d'Ivoire", "Korea, Republic of", "France", "Mexico", "Viet Nam",
)  # fmt: skip
_PRODUCTS = ("Desk lamp, brass", 'Monitor 27" curved', "Café chair", "Notebook A5", "USB-C cable 1.5 m", "Rug 120 cm")

# Hashes of the row's number stand for chance: the same file every time, however many threads write it.
_ROWS = """
SELECT
    1000000 + i AS order_id,
    lpad(CAST(hash(i, 'customer') % 250000 AS VARCHAR), 7, '0') AS customer,
    $countries[CAST(1 + hash(i, 'country') % len($countries) AS INTEGER)] AS country,
    TIMESTAMP '2023-01-01' + to_seconds(CAST(hash(i, 'time') % 63072000 AS BIGINT)) AS ordered_at,
    1 + hash(i, 'quantity') % 20 AS quantity,
    CAST((100 + hash(i, 'price') % 49900) / 100 AS DECIMAL(9, 2)) AS price,
    CASE WHEN hash(i, 'discount') % 3 = 0 THEN hash(i, 'discount') % 40 END AS discount,
    hash(i, 'paid') % 10 < 9 AS paid,
    'user' || hash(i, 'customer') % 250000 || '@example.com' AS email,
    $products[CAST(1 + hash(i, 'product') % len($products) AS INTEGER)] AS product,
    CASE hash(i, 'note') % 50
        WHEN 0 THEN E'leave at the door\\nring twice'
        WHEN 1 THEN 'says "fragile", see label'
        WHEN 2 THEN 'gift'
        WHEN 3 THEN 'deliver after ' || hash(i, 'note') % 9 + 9 || ':00'
    END AS note
FROM range($rows) AS numbers(i)
"""


def write_orders(path: Path, *, rows: int) -> None:
    """Write a file with a header and this many rows."""
    given = {"rows": rows, "path": str(path), "countries": list(_COUNTRIES), "products": list(_PRODUCTS)}
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({_ROWS}) TO $path (FORMAT csv)", given)
