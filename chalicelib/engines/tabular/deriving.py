"""The step ``derive``: a column made by an expression."""

from .expressions import translate
from .frames import Column, Frame
from .terms import BadExpression, Sources
from .value_steps import Derive
from .work import Work


def derive(work: Work, params: Derive) -> Frame:
    """Add the column at the end, or replace the one of that name in its place."""
    sources = Sources(
        result=params.column,
        column=work.column,
        bind=work.bind,
        failing=work.failing if params.on_error == "fail" else lambda *_: "NULL",
    )
    try:
        made = translate(params.expression, sources)
    except BadExpression as error:
        raise work.wrong_value(f"the expression cannot be used here: {error}") from error
    present = {column.name: column.sql for column in work.frame.columns}
    column = Column(name=params.column, sql=present.get(params.column, work.fresh()), form=made.form, type=made.type)
    if params.column in present:
        return work.replacing({column.sql: (column, made.sql)})
    return work.project([*((each, each.sql) for each in work.frame.columns), (column, made.sql)])
