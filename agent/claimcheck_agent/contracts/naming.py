"""Names in a prompt: of the token, its symbol, where its metadata is; and names that Solidity can have for them."""

import re
import unicodedata
from dataclasses import dataclass

from claimcheck_agent.contracts.reading import Text
from claimcheck_agent.contracts.understood import Kind

LONGEST_NAME = 64  # Characters.
SYMBOL = re.compile(r"[A-Za-z0-9$][A-Za-z0-9$._-]{0,10}")
FILENAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\.sol")
# What the sources that a contract imports are called: it cannot be called the same.
IMPORTED = re.compile(
    r"I?ERC\d+\w*|I?Ownable|I?Access(?:Control|Manage[dr])|I?Governor\w*|I?TimelockController|I?Votes|EIP712|Nonces"
    r"|Address|"
    r"Strings?|Context|Pausable|Time"
)
DEFAULTS = {Kind.ERC20: "MyToken", Kind.ERC721: "MyNFT", Kind.ERC1155: "MyTokens", Kind.GOVERNOR: "MyGovernor"}

_QUOTED = r"\"(?P<double>[^\"\n]{1,200})\"|'(?P<single>[^'\n]{1,200})'(?!\w)|`(?P<back>[^`\n]{1,200})`"
# Without quotes, a name is one word, or several that begin with capitals or digits.
_WORDS = r"(?-i:(?P<words>[A-Z][\w&$]*(?:[ -](?:[A-Z0-9][\w&$]*|of|the)(?=\W|$)){0,9}))|(?P<word>[^\W\d_][\w$]*)"
_NOT_NAMES = r"(?!(?:with|and|after|for|that|which|by|on|is|as|in|to|of|the symbol|symbol|ticker)\b)"
_IS = r"(?: (?:is|are|of|should be|will be|must be|set to))?\s*[:=]?\s*"
_NAME = re.compile(
    rf"\b(?:named|called|titled|(?:with )?(?:the )?(?:token |collection |contract )?name\b{_IS}|name it"
    rf"|call it)\s*[:=]?\s*"
    rf"{_NOT_NAMES}(?:{_QUOTED}|{_WORDS})",
    re.IGNORECASE,
)
_SYMBOL = re.compile(
    rf"\b(?:(?-i:token )|with |the |a |its ){{0,3}}(?:symbol|ticker)(?: symbol)?{_IS}(?:{_QUOTED}"
    rf"|(?P<word>{SYMBOL.pattern}(?<![.-])))",
    re.IGNORECASE,
)
_IN_BRACKETS = re.compile(r"\(\s*[\"'`]?(?P<word>\$?[A-Z][A-Z0-9]{1,10})[\"'`]?\s*\)")
# "Gold Coin (GLD)", where what comes before is not the standard.
_BEFORE_BRACKETS = re.compile(
    r"(?<![\w-])(?!(?:ERC|EIP|NFT|DAO|Token|Create|Deploy|Make|Build|Write|Launch)\b|ERC\d)"
    rf"(?P<words>[A-Z][\w&$]*(?:[ -][A-Z0-9][\w&$]*){{0,9}})(?=\s*{_IN_BRACKETS.pattern.replace('?P<word>', '?:')})"
)
_BARE_QUOTED = re.compile(_QUOTED)
_URL = r"(?P<url>(?:https?|ipfs|ar)://[^\s\"'`<>]*[^\s\"'`<>.,;:)])"
_URI = re.compile(
    rf"\b(?:(?:with |the |a |an |its ){{0,3}}(?:base |token |metadata |contract ){{0,3}}(?:uri|url)|metadata)"
    rf"(?: (?:is|are|of|at|from|on|under|stored at|hosted at|located at|should be"
    rf"|set to)){{0,4}}\s*[:=]?\s*[\"'`]?{_URL}[\"'`]?",
    re.IGNORECASE,
)
_SHOWN_CAPITALS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[\s_&-]+")


@dataclass(frozen=True, kw_only=True)
class Names:
    """What was named; None for what was not."""

    name: str | None
    symbol: str | None
    uri: str | None


class BadName(ValueError):
    """A name cannot be used; the message says why."""


def take_names(text: Text) -> Names:
    """Take the names out of a prompt.

    Raises:
        BadName: one cannot be used, or there are two.
    """
    uri = text.take(_URI)
    symbol = text.take(_SYMBOL)
    name = text.take(_NAME) or text.take(_BARE_QUOTED) or text.take(_BEFORE_BRACKETS)
    symbol = symbol or text.take(_IN_BRACKETS)
    if (other := text.take(_NAME)) and name and _said(other) != _said(name):
        raise BadName(f"it has two names, {_said(name)!r} and {_said(other)!r}")
    return Names(
        name=name and _checked_name(_said(name)),
        symbol=symbol and _checked_symbol(_said(symbol)),
        uri=uri and _checked_uri(uri["url"]),
    )


def default_name(kind: Kind, filename: str | None) -> str:
    """Give a name for what was given none: the file's, if it has one."""
    stem = filename.removesuffix(".sol") if filename else ""
    return stem if stem and identifier(stem) == stem else DEFAULTS[kind]


def default_symbol(name: str) -> str:
    """Make a symbol of a name: its initials, or its first letters, in capitals."""
    ascii_name = _ascii(name)
    initials = "".join(word[0] for word in _SHOWN_CAPITALS.split(ascii_name) if word and word[0].isalnum())
    letters = re.sub(r"[^A-Za-z0-9]", "", ascii_name)
    chosen = initials if len(initials) > 1 else letters
    return chosen[: 5 if chosen is initials else 4].upper() or "TKN"


def identifier(name: str) -> str:
    """Make a name for a contract in Solidity: ASCII letters and digits, a capital first, nothing that is imported."""
    words = re.findall(r"[A-Za-z0-9]+", re.sub(r"['\u2019]", "", _ascii(name)))
    joined = "".join(word[0].upper() + word[1:] for word in words).lstrip("0123456789")
    joined = (joined[:1].upper() + joined[1:])[:LONGEST_NAME] or "Contract"
    return f"{joined}Contract" if IMPORTED.fullmatch(joined) else joined


def source_path(filename: str | None, contract: str) -> str:
    """Give the path of the source: the name that was asked for, in `contracts/`.

    Raises:
        BadName: a source cannot be called so.
    """
    if filename is None:
        return f"contracts/{contract}.sol"
    name = filename.strip().removeprefix("./").removeprefix("contracts/")
    if not FILENAME.fullmatch(name):
        raise BadName(f"the file cannot be called {filename[:80]!r}: a name such as MyToken.sol is wanted")
    return f"contracts/{name}"


def _said(found: re.Match[str]) -> str:
    return next(value for value in found.groupdict().values() if value).strip()


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise BadName(f"a name has at most {LONGEST_NAME} printable characters; it is {name[:80]!r}")
    return name


def _checked_symbol(symbol: str) -> str:
    symbol = symbol.removeprefix("$")
    if not SYMBOL.fullmatch(symbol):
        raise BadName(f"a symbol has 1 to 11 letters and digits; it is {symbol[:80]!r}")
    return symbol


def _checked_uri(uri: str) -> str:
    if not (uri.isascii() and uri.isprintable()):
        raise BadName(f"a URI has ASCII characters only; it is {uri[:80]!r}")
    return uri


def _ascii(name: str) -> str:
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
