"""Understands a prompt by rules, or says why not. What it says is data: none of it becomes code but names in quotes.

Everything that is understood is taken out of the text. What is left decides: a number, a condition or a feature that no
rule knows means that the contract would not be what was asked for, and so does too much that means nothing.
"""

import re
import unicodedata
from collections.abc import Mapping

from claimcheck_agent.contracts import vocabulary
from claimcheck_agent.contracts.amounts import NUMERALS, UnclearAmount
from claimcheck_agent.contracts.figures import BadFigure, Figures, check_figures, take_figures, take_voting
from claimcheck_agent.contracts.naming import BadName, Names, default_name, default_symbol, identifier, take_names
from claimcheck_agent.contracts.reading import Negations, Text, compiled
from claimcheck_agent.contracts.understood import FEATURES, Kind, Understood, Voting

MOST_SET_ASIDE = 4  # Words that mean nothing to the rules, in a short prompt; in longer ones a fifth may be such.
SHOWN = 12  # Of them, in a message.
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{40}\b")
NEED_ENTITLED = frozenset({"mintable", "pausable", "uriStorage", "updatableUri"})
QUOTES = str.maketrans(
    {"\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"', "\u2018": "'", "\u2019": "'"}
)
WHAT_THERE_IS = "ERC20, ERC721 and ERC1155 tokens, and governors"


class NotUnderstood(Exception):
    """The prompt cannot be served by rules; the message says what was understood of it, and what was not."""


def understand(prompt: str, filename: str | None = None) -> Understood:
    """Read a prompt. `filename` names what the prompt does not.

    Raises:
        NotUnderstood: it asks for something that the rules cannot write, or contradicts itself.
    """
    reading = _Reading(unicodedata.normalize("NFC", prompt).translate(QUOTES), filename)
    try:
        return reading.read()
    except (BadName, BadFigure, UnclearAmount, _Problem) as error:
        raise NotUnderstood(f"The contract cannot be written from this prompt: {error}. {reading.so_far()}") from None


class _Problem(Exception):
    pass


class _Reading:
    """One prompt, and how far it has been understood."""

    def __init__(self, prompt: str, filename: str | None) -> None:
        self._text = Text(prompt)
        self._words = len(self._text.words())
        self._filename = filename
        self._said: list[str] = []
        self._assumed: list[str] = []

    def read(self) -> Understood:
        names = take_names(self._text)
        self._note(names.name and repr(names.name), names.symbol and f"symbol {names.symbol}", names.uri)
        kind, votes_token = self._kind()
        voting = self._voting(votes_token) if votes_token else None
        figures = take_figures(self._text)
        for pattern in vocabulary.KINDS:
            self._text.take_all(compiled(pattern))
        self._note(
            figures.premint and f"{figures.premint} minted at the beginning",
            figures.supply and f"supply {figures.supply}",
            figures.cap and f"at most {figures.cap}",
        )
        if address := self._text.take(_ADDRESS):
            raise _Problem(f"addresses are given as arguments of the constructor, not in words: {address[0]}")
        for pattern in vocabulary.BY_THE_WAY:
            self._text.take_all(compiled(pattern))
        negations = self._text.negated()
        self._refuse_unserved(negations)
        wanted, unwanted = self._features(negations)
        access = self._access(negations)
        self._note(*sorted(wanted), access)
        for pattern in (*vocabulary.ACCESS.values(), vocabulary.OWNER, *vocabulary.FEATURES.values()):
            self._text.take_all(compiled(pattern))
        if kind is None:
            raise _Problem(f"it does not say what kind of contract is wanted; there are {WHAT_THERE_IS}")
        set_aside = self._left_over()
        return _Fitting(kind, names, figures, wanted, unwanted, access, self._filename).understood(
            voting, self._assumed, set_aside
        )

    def so_far(self) -> str:
        """Say what was understood."""
        return f"Understood: {', '.join(self._said)}." if self._said else "Nothing of it was understood."

    def _note(self, *said: str | None) -> None:
        self._said.extend(filter(None, said))

    def _kind(self) -> tuple[Kind | None, str | None]:
        """Find out which standard is meant, and of a governor what it counts votes of; takes nothing out."""
        scratch = Text(self._text.left)

        def has(pattern: str) -> bool:
            return bool(scratch.take_all(compiled(pattern)))

        governed = has(vocabulary.GOVERNOR)
        numbered = {kind for kind, words in vocabulary.NUMBERED.items() if has(words)}
        named = {kind for kind, words in vocabulary.NAMED.items() if has(words)}
        token, dao = has(vocabulary.COINS), has(vocabulary.DAO)
        if Kind.ERC1155 in named:
            named -= {Kind.ERC721}  # NFTs are what multi-tokens can be.
        kinds = numbered or named
        if governed or (dao and not kinds and not token):
            self._note(Kind.GOVERNOR)
            return Kind.GOVERNOR, "erc721votes" if Kind.ERC721 in kinds else "erc20votes"
        if not kinds and token:
            kinds = {Kind.ERC20}
            self._assumed.append("the standard ERC20")
        self._note(" and ".join(sorted(kinds)))
        if len(kinds) > 1:
            raise _Problem(f"it asks for {' and '.join(sorted(kinds))}; a contract is one of them")
        return next(iter(kinds), None), None

    def _voting(self, votes_token: str) -> Voting:
        voting, assumed = take_voting(self._text, votes_token)
        self._assumed.extend(assumed)
        return voting

    def _refuse_unserved(self, negations: Negations) -> None:
        """Refuse what no rule can write, unless it is said not to be wanted."""
        unserved = []
        for name, pattern in {**vocabulary.UNSERVED, "upgrading": vocabulary.UPGRADEABLE}.items():
            found = self._text.take_all(compiled(pattern))
            if asked := [place[0] for place in found if not negations.cover(place)]:
                unserved.append(f"{name} ({' '.join(asked[0].split())!r})")
        if unserved:
            self._note(*sorted(self._features(negations)[0]))
            raise _Problem(f"rules cannot write {', '.join(unserved)}")

    def _features(self, negations: Negations) -> tuple[set[str], set[str]]:
        """Give the features that are wanted, and those that are said not to be."""
        wanted, unwanted, _ = self._sorted(vocabulary.FEATURES, negations)
        if both := wanted & unwanted:
            raise _Problem(f"it says of {', '.join(sorted(both))} both that it is wanted and that it is not")
        return wanted, unwanted

    def _access(self, negations: Negations) -> str | None:
        """Give who is entitled: "ownable", "roles", "managed", "owner" (somebody is), "nobody", or None."""
        wanted, unwanted, rest = self._sorted(vocabulary.ACCESS, negations)
        owners = rest.take_all(compiled(vocabulary.OWNER))
        if len(wanted) > 1 or wanted & unwanted:
            raise _Problem(f"it is not clear who may do what: {', '.join(sorted(wanted | unwanted))}")
        if wanted:
            return wanted.pop()
        if "ownable" in unwanted or any(negations.cover(place) for place in owners):
            return "nobody"
        return "owner" if owners else None

    def _sorted(self, patterns: Mapping[str, str], negations: Negations) -> tuple[set[str], set[str], Text]:
        """Give which patterns are met, and which where it is negated; and what is left then. Nothing is taken out."""
        wanted, unwanted = set[str](), set[str]()
        scratch = Text(self._text.left)
        for name, pattern in patterns.items():
            for place in scratch.take_all(compiled(pattern)):
                (unwanted if negations.cover(place) else wanted).add(name)
        return wanted, unwanted, scratch

    def _left_over(self) -> tuple[str, ...]:
        """Look at what is left; gives the words that mean nothing.

        Raises:
            _Problem: they mean something, or are too many.
        """
        if conditions := [place[0] for place in self._text.take_all(compiled(vocabulary.CONDITIONS))]:
            raise _Problem(f"no rule knows what is meant by {_shown(conditions)}")
        words = self._text.words()
        if figures := [word for word in words if _is_figure(word)]:
            raise _Problem(f"it is not clear what the numbers are for: {_shown(figures)}")
        unknown = list(dict.fromkeys(word for word in words if word.lower() not in vocabulary.FILLER))
        if len(unknown) > max(MOST_SET_ASIDE, self._words // 5):
            raise _Problem(f"too much of it means nothing to the rules: {_shown(unknown)}")
        return tuple(unknown)


class _Fitting:
    """Makes of what was said a contract that can be."""

    def __init__(
        self,
        kind: Kind,
        names: Names,
        figures: Figures,
        wanted: set[str],
        unwanted: set[str],
        access: str | None,
        filename: str | None,
    ) -> None:
        self._kind = kind
        self._names = names
        self._figures = figures
        self._wanted = wanted
        self._unwanted = unwanted
        self._said_access = access
        self._filename = filename
        self._assumed: list[str] = []

    def understood(self, voting: Voting | None, assumed: list[str], set_aside: tuple[str, ...]) -> Understood:
        kind, figures = self._kind, self._figures
        name = self._names.name or self._assume(default_name(kind, self._filename), "the name {}")
        supply, cap = self._supply()
        features = self._features(has_tokens=bool(supply), capped=bool(cap))
        decimals = figures.decimals if figures.decimals is not None else Understood.decimals
        if kind is Kind.ERC20:
            check_figures(supply, cap, decimals)
        elif figures.decimals is not None:
            raise _Problem(f"{kind} contracts have no decimals")
        return Understood(
            kind=kind,
            name=name,
            contract=identifier(name),
            symbol=self._symbol(name),
            features=frozenset(features),
            access=self._access(features),
            supply=supply,
            decimals=decimals,
            cap=cap,
            uri=self._uri(),
            voting=voting,
            assumed=(*assumed, *self._assumed),
            set_aside=set_aside,
        )

    def _assume(self, value: str, said: str) -> str:
        self._assumed.append(said.format(value))
        return value

    def _symbol(self, name: str) -> str | None:
        if self._kind in {Kind.ERC1155, Kind.GOVERNOR}:
            return None
        return self._names.symbol or self._assume(default_symbol(name), "the symbol {}")

    def _uri(self) -> str | None:
        if self._names.uri and self._kind not in {Kind.ERC721, Kind.ERC1155}:
            raise _Problem(f"{self._kind} contracts have no metadata")
        return self._names.uri

    def _supply(self) -> tuple[str | None, str | None]:
        """Give how many tokens there are at the beginning, and at most."""
        figures = self._figures
        if self._kind is Kind.ERC20:
            if figures.premint and figures.supply and figures.premint != figures.supply:
                return figures.premint, figures.cap or figures.supply
            return figures.premint or figures.supply, figures.cap
        if figures.premint:
            raise _Problem(f"{self._kind} tokens are minted after the deployment, not with it")
        cap = figures.cap or figures.supply
        if cap and (self._kind is not Kind.ERC721 or not cap.isdigit()):
            raise _Problem(f"{self._kind} contracts have no supply of {cap}")
        return None, cap

    def _features(self, *, has_tokens: bool, capped: bool) -> set[str]:
        known, features = FEATURES[self._kind], set(self._wanted)
        if self._kind is Kind.GOVERNOR:
            features -= {"votes"}
        if unknown := features - known:
            raise _Problem(f"{self._kind} contracts cannot have {', '.join(sorted(unknown))}")
        if self._figures.fixed and "mintable" in features:
            raise _Problem("its supply is said to be fixed, and more can be minted")
        if "mintable" in known - features and not has_tokens:
            if "mintable" in self._unwanted or self._figures.fixed:
                raise _Problem("there would never be any tokens: it has no supply, and none can be minted")
            features.add(self._assume("mintable", "{}: there would be no tokens otherwise"))
        if self._kind is Kind.ERC721 and capped and "incremental" not in features:
            features.add(self._assume("incremental", "{}: ids are counted, to know when there are as many as may be"))
        return features

    def _access(self, features: set[str]) -> str | None:
        needed = features & NEED_ENTITLED
        said = self._said_access
        if self._kind is Kind.GOVERNOR:
            if said in {"ownable", "roles", "managed"}:
                raise _Problem("governors govern themselves: nobody else is entitled")
            return None
        if said == "nobody" and needed:
            raise _Problem(f"nobody is to be entitled, and somebody must be for {', '.join(sorted(needed))}")
        if said in {"nobody", None} and not needed:
            return None
        if said is None:
            return self._assume("ownable", "one owner, the deployer, is entitled")
        return "ownable" if said == "owner" else said


def _is_figure(word: str) -> bool:
    return word[0].isdigit() or word == "%" or not NUMERALS.isdisjoint(word.lower().split("-"))


def _shown(words: list[str]) -> str:
    unique = list(dict.fromkeys(words))
    return ", ".join(map(repr, unique[:SHOWN])) + (" …" if len(unique) > SHOWN else "")
