"""Compares bytecode: what a chain has against what the compiler makes of the sources.

Deployed code differs from the compiler's for good reasons in three kinds of places: values that the constructor fills
in (immutables), the addresses of linked libraries, and a library's own address at its beginning. At the end of each
contract's code lies what the compiler says of itself, its auxdata: CBOR with the hash of the metadata, which covers
every byte of the sources, and the compiler's version
(https://docs.soliditylang.org/en/latest/metadata.html#encoding-of-the-metadata-hash-in-the-bytecode).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import cbor2

Level = Literal["full", "partial"]

LENGTH_BYTES = 2  # At the end of the code: how long the CBOR before them is.
HASHES = ("ipfs", "bzzr0", "bzzr1")
# How the code of a library begins: PUSH20 of its own address, which the compiler leaves 0, ADDRESS, EQ.
LIBRARY_START, OWN_ADDRESS = bytes.fromhex("73" + "00" * 20 + "3014"), (1, 20)
PUSH1, PUSH4, PUSH32 = 0x60, 0x63, 0x7F
# Minimal proxies (ERC-1167): 20 bytes of address follow.
MINIMAL_PROXY = bytes.fromhex("363d3d373d3d3d363d73")

Place = tuple[int, int]
"""Where bytes are: the first, and how many."""


@dataclass(frozen=True, kw_only=True)
class Code:
    """Code as the compiler made it, and what may be different on a chain.

    Attributes:
        code: the bytes; 0 where others are filled in.
        filled: where immutables, and a library's own address, are filled in.
        links: where libraries' addresses are filled in, by `file:Library`.
        auxdata: where the compiler speaks of itself, in this contract and in those that it creates.
    """

    code: bytes
    filled: tuple[Place, ...]
    links: Mapping[str, tuple[Place, ...]]
    auxdata: tuple[Place, ...]

    @classmethod
    def runtime(cls, compiled: Mapping[str, Any]) -> "Code":
        """Read the code that is left on the chain from the compiler's output for a contract."""
        return cls._read(compiled, "deployedBytecode")

    @classmethod
    def creation(cls, compiled: Mapping[str, Any]) -> "Code":
        """Read the code that creates the contract, which its arguments follow."""
        return cls._read(compiled, "bytecode")

    @classmethod
    def _read(cls, compiled: Mapping[str, Any], kind: str) -> "Code":
        said = compiled["evm"][kind]
        links = {
            f"{file}:{library}": tuple((place["start"], place["length"]) for place in places)
            for file, libraries in said.get("linkReferences", {}).items()
            for library, places in libraries.items()
        }
        text = said["object"]
        for start, length in _all(links):
            text = text[: start * 2] + "00" * length + text[(start + length) * 2 :]
        code = bytes.fromhex(text)
        immutables = said.get("immutableReferences", {}).values() if kind == "deployedBytecode" else ()
        filled = [(place["start"], place["length"]) for places in immutables for place in places]
        if code.startswith(LIBRARY_START):
            filled.append(OWN_ADDRESS)
        auxdata = tuple(
            place for told in _auxdata(compiled["evm"].get("legacyAssembly")) for place in _find(told, code)
        )
        return cls(code=code, filled=tuple(filled), links=links, auxdata=auxdata)

    def linked(self, libraries: Mapping[str, str]) -> bytes:
        """Give the code with the addresses (0x…) of these libraries filled in."""
        code = bytearray(self.code)
        for name, places in self.links.items():
            for start, length in places:
                code[start : start + length] = bytes.fromhex(libraries[name][2:])
        return bytes(code)

    def without(self, *places: Place) -> bytes:
        """Give the code with 0 in all places where others are filled in, and in these."""
        return blanked(self.code, (*self.filled, *_all(self.links), *places))


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What comparing deployed code with the compiler's has shown.

    Attributes:
        match: `full`, or `partial` if the hash of the metadata differs, or None.
        reason: why they do not match, or match only in part; a sentence.
        libraries: the addresses of the libraries that the deployed code is linked with.
    """

    match: Level | None
    reason: str | None
    libraries: Mapping[str, str]


def compare(compiled: Mapping[str, Any], deployed: bytes) -> Comparison:
    """Compare deployed code with the compiler's output for a contract (`abi`, `evm` with the legacy assembly)."""
    ours = Code.runtime(compiled)
    if not deployed:
        return Comparison(match=None, reason="There is no contract at this address.", libraries={})
    libraries = _libraries(ours, deployed)
    if libraries is None:
        twofold = "The deployed bytecode is linked with two different libraries of the same name."
        return Comparison(match=None, reason=twofold, libraries={})
    level = agreement(ours, deployed)
    reason: str | None = None
    if level is None:
        reason = _difference(compiled, ours, deployed)
    elif level == "partial":
        reason = "The hash of the metadata differs: names, comments or paths of the sources are not the same."
    return Comparison(match=level, reason=reason, libraries=libraries)


def agreement(ours: Code, theirs: bytes) -> Level | None:
    """Say whether code is the compiler's but for what is filled in (`full`) and for its auxdata (`partial`)."""
    if len(theirs) != len(ours.code):
        return None
    open_places = (*ours.filled, *_all(ours.links))
    if blanked(theirs, open_places) == ours.without():
        return "full"
    if blanked(theirs, (*open_places, *ours.auxdata)) == ours.without(*ours.auxdata):
        return "partial"
    return None


def blanked(code: bytes, places: tuple[Place, ...]) -> bytes:
    """Give code with 0 in these places."""
    changed = bytearray(code)
    for start, length in places:
        changed[start : start + length] = bytes(length)
    return bytes(changed)


def metadata(code: bytes) -> Mapping[str, Any]:
    """Read what the compiler says of itself at the end of code; nothing if it does not."""
    length = int.from_bytes(code[-LENGTH_BYTES:], "big")
    said = code[-LENGTH_BYTES - length : -LENGTH_BYTES]
    try:
        value = cbor2.loads(said) if len(said) == length else None
    except (cbor2.CBORDecodeError, ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {}


def compiler_version(code: bytes) -> str | None:
    """Give the version of solc, such as `0.8.37`, that code says it was made by."""
    version = metadata(code).get("solc")
    if isinstance(version, bytes):
        return ".".join(map(str, version))
    return version if isinstance(version, str) else None


def pushed(code: bytes) -> Iterator[tuple[int, bytes]]:
    """Give each instruction of code: its number, and what it pushes."""
    position = 0
    while position < len(code):
        instruction = code[position]
        length = instruction - PUSH1 + 1 if PUSH1 <= instruction <= PUSH32 else 0
        yield instruction, code[position + 1 : position + 1 + length]
        position += 1 + length


def selectors(code: bytes) -> frozenset[str]:
    """Give what code may compare a call's selector with: every constant of four bytes or fewer, as 8 digits."""
    return frozenset(value.hex().zfill(8) for number, value in pushed(code) if PUSH1 <= number <= PUSH4)


def _difference(compiled: Mapping[str, Any], ours: Code, deployed: bytes) -> str:
    """Say why deployed code is another, as well as can be told."""
    if deployed.startswith(MINIMAL_PROXY):
        behind = deployed[len(MINIMAL_PROXY) :][:20].hex()
        return f"At this address is a minimal proxy for 0x{behind}, and not the contract itself."
    theirs, mine = compiler_version(deployed), compiler_version(ours.code)
    if theirs and mine and theirs != mine:
        return f"The deployed bytecode was made by solc {theirs}, and not by {mine}."
    held = selectors(deployed)
    named = compiled["evm"].get("methodIdentifiers", {})
    if missing := sorted(name for name, selector in named.items() if selector not in held):
        shown = ", ".join(missing[:3]) + (" and others" if len(missing) > 3 else "")  # noqa: PLR2004  (a short list)
        return f"The deployed bytecode is that of another contract: it has no {shown}."
    if _hash(ours.code) and _hash(deployed) == _hash(ours.code):
        return "The deployed bytecode is not what its own metadata says it is made of."
    if theirs != mine or len(metadata(deployed)) != len(metadata(ours.code)):
        return "The deployed bytecode was made with other settings for the metadata, or by another compiler."
    return "The deployed bytecode was made of other sources, or with other settings of the compiler."


def _hash(code: bytes) -> object:
    """Give the hash of the metadata that code has in it; None if it has none."""
    said = metadata(code)
    return next((said[name] for name in HASHES if name in said), None)


def _libraries(ours: Code, deployed: bytes) -> Mapping[str, str] | None:
    """Give the addresses that code of the same length is linked with; None if they contradict each other."""
    found = {name: {deployed[start : start + length] for start, length in at} for name, at in ours.links.items()}
    if len(deployed) != len(ours.code):
        return {}
    if any(len(addresses) > 1 for addresses in found.values()):
        return None
    return {name: f"0x{addresses.pop().hex()}" for name, addresses in found.items()}


def _all(links: Mapping[str, tuple[Place, ...]]) -> Iterator[Place]:
    for places in links.values():
        yield from places


def _auxdata(assembly: object) -> Iterator[bytes]:
    """Give the auxdata of a contract's code, and of the code of all that it creates."""
    if not isinstance(assembly, dict):
        return
    if isinstance(told := assembly.get(".auxdata"), str):
        yield bytes.fromhex(told)
    for part in (assembly.get(".data") or {}).values():
        yield from _auxdata(part)


def _find(told: bytes, code: bytes) -> Iterator[Place]:
    start = code.find(told) if told else -1
    while start >= 0:
        yield start, len(told)
        start = code.find(told, start + 1)
