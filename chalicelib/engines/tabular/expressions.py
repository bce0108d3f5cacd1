"""The expressions of ``derive``: a small part of Python's own syntax, turned into SQL.

Nothing is evaluated and no text of the user reaches the SQL: names are looked up among the columns, and texts and
numbers are bound as parameters. What is not known here is refused.
"""

import ast
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from .frames import Column, Form
from .functions import FUNCTIONS
from .numbers import Number, product, quotient, simple, token
from .terms import BadExpression, Kind, Sources, Term, as_condition, as_number, as_text, compared, literal, unify

MAX_CHARACTERS = 2_000
MAX_DEPTH = 100
MAX_SQL_CHARACTERS = 200_000

CONSTANTS = {"true": True, "false": False, "null": None}
OPERATORS: dict[type[ast.cmpop], str] = {
    ast.Eq: "=", ast.NotEq: "<>", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """What an expression gives: SQL, and the form and type of its values."""

    sql: str
    form: Form
    type: str


def parse(expression: str) -> None:
    """Check an expression without the columns' types.

    Raises:
        BadExpression: it is none, or has in it what is not supported.
    """
    translate(expression, Sources(result="", column=_any_column, bind=lambda _: "$p0", failing=lambda *_: "NULL"))


def _any_column(name: str) -> Column:
    return Column(name=name, sql="c0", form=Form.TEXT)


def translate(expression: str, sources: Sources) -> Made:
    """The expression as SQL.

    Raises:
        BadExpression: it is none, has in it what is not supported, or does not fit the columns' types.
        BadColumn: it names a column that is not there.
    """
    term = _Translator(expression, sources).translate(_tree(expression), 0)
    match term.kind:
        case Kind.NUMBER:
            stop = sources.failing(sources.result, "'infinity'", "is not finite (was it divided by zero?)")
            return Made(sql=token(as_number(term, sources), stop), form=Form.JSON, type="VARCHAR")
        case Kind.RAW if term.column is not None:
            return Made(sql=term.column.sql, form=term.column.form, type=term.column.type)
        case Kind.NULL:
            return Made(sql="CAST(NULL AS VARCHAR)", form=Form.VALUE, type="VARCHAR")
        case kind:
            return Made(sql=f"({term.sql})", form=Form.VALUE, type=kind.value)


def _tree(expression: str) -> ast.expr:
    try:
        with warnings.catch_warnings():  # Such as of an escape that Python does not know.
            warnings.simplefilter("ignore")
            return ast.parse(expression.strip(), mode="eval").body
    except SyntaxError as error:
        raise BadExpression(f"cannot be read at character {error.offset or 1}: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise BadExpression("cannot be read") from error


class _Translator:
    """Walks the tree of one expression."""

    def __init__(self, expression: str, sources: Sources) -> None:
        self._text = expression.strip()
        self.sources = sources
        self._done: dict[int, Term] = {}
        # In a condition, what is no number or no date is null, and a comparison with null is false.
        quiet = replace(sources, failing=lambda *_: "NULL", quiet=True)
        self._quiet: _Translator = self if sources.quiet else _Translator(expression, quiet)

    def translate(self, node: ast.expr, depth: int) -> Term:
        if depth > MAX_DEPTH:
            raise BadExpression(f"may be nested at most {MAX_DEPTH} deep")
        if id(node) not in self._done:
            term = self._node(node, depth + 1)
            if term.size > MAX_SQL_CHARACTERS:
                raise BadExpression("is too complex; make it in several steps")
            self._done[id(node)] = term
        return self._done[id(node)]

    def _node(self, node: ast.expr, depth: int) -> Term:
        translate = NODES.get(type(node))
        if translate is None:
            raise BadExpression(f"has {self._shown(node)} in it, which is not supported")
        return translate(self, node, depth)

    def _shown(self, node: ast.AST) -> str:
        text = ast.get_source_segment(self._text, node) or type(node).__name__
        return repr(text if len(text) <= 40 else text[:40] + "…")  # noqa: PLR2004  enough to find it by

    def constant(self, node: ast.Constant, _depth: int) -> Term:
        if isinstance(node.value, bool) or node.value is None:
            return literal(node.value, self.sources)
        if isinstance(node.value, int | float):
            return literal(self._number(node), self.sources)
        if isinstance(node.value, str) and "\0" not in node.value:
            return literal(node.value, self.sources)
        raise BadExpression(f"has {self._shown(node)} in it, which is not supported")

    def _number(self, node: ast.Constant) -> Decimal:
        if isinstance(node.value, int):
            number = Decimal(node.value)
        else:  # By its digits, of which a double might lose some.
            number = Decimal((ast.get_source_segment(self._text, node) or repr(node.value)).replace("_", ""))
        if abs(float(number)) == float("inf"):
            raise BadExpression(f"has {self._shown(node)} in it, which is too large")
        return number

    def name(self, node: ast.Name, _depth: int) -> Term:
        if node.id in CONSTANTS:
            return literal(CONSTANTS[node.id], self.sources)
        return Term(kind=Kind.RAW, column=self.sources.column(node.id))

    def binary(self, node: ast.BinOp, depth: int) -> Term:
        left, right = self.translate(node.left, depth), self.translate(node.right, depth)
        if isinstance(node.op, ast.BitAnd) or (isinstance(node.op, ast.Add) and Kind.TEXT in {left.kind, right.kind}):
            return Term(kind=Kind.TEXT, sql=f"({as_text(left)} || {as_text(right)})")
        make = ARITHMETIC.get(type(node.op))
        if make is None:
            raise BadExpression(f"has an operator in {self._shown(node)} that is not supported")
        return Term(kind=Kind.NUMBER, number=make(as_number(left, self.sources), as_number(right, self.sources)))

    def unary(self, node: ast.UnaryOp, depth: int) -> Term:
        operand = self.translate(node.operand, depth)
        if isinstance(node.op, ast.Not):
            return Term(kind=Kind.BOOLEAN, sql=f"(NOT {as_condition(operand)})")
        if isinstance(node.op, ast.Invert):
            raise BadExpression(f"has an operator in {self._shown(node)} that is not supported")
        sign = "-" if isinstance(node.op, ast.USub) else "+"
        number = as_number(operand, self.sources)
        return Term(
            kind=Kind.NUMBER, number=Number(decimal=f"({sign}{number.decimal})", double=f"({sign}{number.double})")
        )

    def logic(self, node: ast.BoolOp, depth: int) -> Term:
        word = " AND " if isinstance(node.op, ast.And) else " OR "
        parts = [as_condition(self._quiet.translate(value, depth)) for value in node.values]
        return Term(kind=Kind.BOOLEAN, sql=f"({word.join(parts)})")

    def comparison(self, node: ast.Compare, depth: int) -> Term:
        terms = [self._quiet.translate(each, depth) for each in (node.left, *node.comparators)]
        parts = []
        for place, operator in enumerate(node.ops):
            if type(operator) not in OPERATORS:
                raise BadExpression(f"has a comparison in {self._shown(node)} that is not supported")
            parts.append(compared(OPERATORS[type(operator)], terms[place], terms[place + 1], self._quiet.sources))
        return Term(kind=Kind.BOOLEAN, sql=f"({' AND '.join(parts)})")

    def choice(self, node: ast.IfExp, depth: int) -> Term:
        return self._cases([(node.test, node.body)], node.orelse, depth)

    def _cases(self, branches: list[tuple[ast.expr, ast.expr]], otherwise: ast.expr, depth: int) -> Term:
        tests = [as_condition(self._quiet.translate(test, depth)) for test, _ in branches]
        values = [self.translate(value, depth) for _, value in branches]
        return unify(tests, [*values, self.translate(otherwise, depth)], self.sources)

    def call(self, node: ast.Call, depth: int) -> Term:
        if not isinstance(node.func, ast.Name) or node.keywords:
            raise BadExpression(f"has {self._shown(node)} in it, which is not supported")
        name, given = node.func.id, node.args
        if name == "col":
            return self._column(node)
        if name == "case":
            return self._case(given, depth)
        if name not in FUNCTIONS:
            raise BadExpression(f"has no function {name}(); there are {', '.join(sorted((*FUNCTIONS, 'case', 'col')))}")
        function = FUNCTIONS[name]
        if not function.least <= len(given) <= function.most:
            raise BadExpression(f"has {name}() with {len(given)} values; it is {function.usage}")
        made = function.make([self.translate(each, depth) for each in given], self.sources)
        if self is self._quiet or made.number is None:
            return made
        # Nothing may fail while decimals are tried, only where the double is needed.
        quiet = self._quiet.translate(node, depth).number or made.number
        return replace(made, number=replace(made.number, decimal=quiet.decimal))

    def _column(self, node: ast.Call) -> Term:
        if len(node.args) != 1 or not isinstance(node.args[0], ast.Constant) or not isinstance(node.args[0].value, str):
            raise BadExpression('has col() without a name in quotes, as in col("unit price")')
        return Term(kind=Kind.RAW, column=self.sources.column(node.args[0].value))

    def _case(self, given: list[ast.expr], depth: int) -> Term:
        if len(given) < 3 or len(given) % 2 == 0:  # noqa: PLR2004  a condition, its value, and the value otherwise
            raise BadExpression("has case() with a wrong number of values; it is case(condition, value, …, otherwise)")
        pairs = list(zip(given[:-1:2], given[1:-1:2], strict=True))
        return self._cases(pairs, given[-1], depth)


ARITHMETIC: dict[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: lambda left, right: simple("+", left, right),
    ast.Sub: lambda left, right: simple("-", left, right),
    ast.Mod: lambda left, right: simple("%", left, right),
    ast.Mult: product,
    ast.Div: quotient,
}

NODES: dict[type[ast.expr], Callable[[_Translator, Any, int], Term]] = {
    ast.Constant: _Translator.constant,
    ast.Name: _Translator.name,
    ast.BinOp: _Translator.binary,
    ast.UnaryOp: _Translator.unary,
    ast.BoolOp: _Translator.logic,
    ast.Compare: _Translator.comparison,
    ast.IfExp: _Translator.choice,
    ast.Call: _Translator.call,
}
