"""Reads the compiler's syntax trees: what sources say of themselves, and which functions change something silently."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Node = Mapping[str, Any]

READING = {"view", "pure"}
REACHABLE = {"public", "external"}
CHANGING = {"++", "--", "delete"}
GROWING = {"push", "pop"}


def walk(tree: object) -> Iterator[Node]:
    """Give every node of a tree, in no particular order."""
    waiting = [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "nodeType" in value:
                yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def nodes(tree: object, kind: str) -> Iterator[Node]:
    """Give the nodes of one kind."""
    return (node for node in walk(tree) if node["nodeType"] == kind)


def pragmas(tree: Node) -> list[str]:
    """Give the versions of Solidity that a source says it is for, such as `^0.8.27`."""
    spelt = (node["literals"] for node in nodes(tree, "PragmaDirective"))
    return ["".join(words[1:]) for words in spelt if words[:1] == ["solidity"]]


def bases(trees: Mapping[str, Node], path: str, name: str) -> list[tuple[str, Node]]:
    """Give a contract and all that it inherits from, each with the path of its source."""
    known = {node["id"]: (file, node) for file, tree in trees.items() for node in nodes(tree, "ContractDefinition")}
    own = next(node for file, node in known.values() if file == path and node["name"] == name)
    return [known[number] for number in own["linearizedBaseContracts"]]


@dataclass
class _Deeds:
    """What a function or modifier does itself: whether it writes to storage, whether it emits, and what it calls."""

    writes: bool = False
    emits: bool = False
    calls: set[int] = field(default_factory=set)


def silent_functions(trees: Mapping[str, Node], contracts: Iterable[Node]) -> list[str]:
    """Give the functions of these contracts that others can call, that change the state and emit no event."""
    everything = [node for tree in trees.values() for node in walk(tree)]
    stored = {
        node["id"]
        for node in everything
        if node["nodeType"] == "VariableDeclaration"
        and (
            (node.get("stateVariable") and node.get("mutability") == "mutable")
            or node.get("storageLocation") == "storage"
        )
    }
    deeds = {
        node["id"]: _deeds(node, stored)
        for node in everything
        if node["nodeType"] in {"FunctionDefinition", "ModifierDefinition"}
    }
    return [
        f"{contract['name']}.{function['name'] or function['kind']}"
        for contract in contracts
        for function in contract["nodes"]
        if _is_open(function) and _is_silent(function["id"], deeds)
    ]


def _is_open(node: Node) -> bool:
    return (
        node["nodeType"] == "FunctionDefinition"
        and node["kind"] != "constructor"
        and node["visibility"] in REACHABLE
        and node["stateMutability"] not in READING
        and bool(node["implemented"])
    )


def _is_silent(number: int, deeds: Mapping[int, _Deeds]) -> bool:
    """Say whether a function, with all that it calls, writes to storage and emits nothing."""
    seen: set[int] = set()
    waiting = [number]
    while waiting:
        found = waiting.pop()
        if found not in seen and found in deeds:
            seen.add(found)
            waiting.extend(deeds[found].calls)
    return any(deeds[one].writes for one in seen) and not any(deeds[one].emits for one in seen)


def _deeds(function: Node, stored: set[int]) -> _Deeds:
    done = _Deeds()
    for node in walk([function.get("body"), function.get("modifiers")]):
        match node["nodeType"]:
            case "Assignment":
                done.writes |= _is_stored(node["leftHandSide"], stored)
            case "UnaryOperation" if node["operator"] in CHANGING:
                done.writes |= _is_stored(node["subExpression"], stored)
            case "EmitStatement":
                done.emits = True
            case "FunctionCall":
                done.writes |= _grows(node["expression"], stored)
                done.calls.add(node["expression"].get("referencedDeclaration") or 0)
            case "ModifierInvocation":
                done.calls.add(node["modifierName"].get("referencedDeclaration") or 0)
    return done


def _is_stored(expression: Node, stored: set[int]) -> bool:
    """Say whether what is written to lies in storage: `x`, `x[i]`, `x.y`, or one of `(x, y)`."""
    match expression["nodeType"]:
        case "IndexAccess":
            return _is_stored(expression["baseExpression"], stored)
        case "MemberAccess":
            return expression.get("referencedDeclaration") in stored or _is_stored(expression["expression"], stored)
        case "TupleExpression":
            return any(_is_stored(one, stored) for one in expression["components"] if one)
        case "FunctionCall":
            # A function that gives a place in storage, as namespaced storage is reached.
            return "storage" in expression["typeDescriptions"].get("typeString", "")
    return expression.get("referencedDeclaration") in stored


def _grows(expression: Node, stored: set[int]) -> bool:
    return expression.get("memberName") in GROWING and _is_stored(expression["expression"], stored)
