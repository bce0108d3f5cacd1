"""The words that the rules know: standards, features, what no rule can write, and what says nothing.

Patterns ignore case. A space in them stands for any white space or a hyphen.
"""

from claimcheck_agent.contracts.understood import Kind

# A number says for certain which standard is meant; words do where there is none.
NUMBERED = {
    Kind.ERC20: r"(?:erc|eip|bep) ?20\b",
    Kind.ERC721: r"(?:erc|eip|bep) ?721a?\b",
    Kind.ERC1155: r"(?:erc|eip|bep) ?1155\b",
}
GOVERNOR = (
    r"\bgovernor\b|\bgovernance (?:contract|system)\b|\bquorum\b|\bproposal threshold\b|\bvoting (?:delay|period)\b"
)
NAMED = {
    Kind.ERC1155: r"\bmulti ?tokens?\b|\bsemi ?fungible(?: tokens?)?\b",
    Kind.ERC721: r"\bnfts?\b|\bnon ?fungible(?: tokens?)?\b|\bcollectibles?\b",
    Kind.ERC20: r"\bfungible(?: tokens?)?\b",
}
# Taken for an ERC20 token, or for a governor, if nothing else is named.
COINS = (
    r"\b(?:(?:utility|governance|reward|community|game|loyalty|meme|dao) )?tokens?\b"
    r"|\b(?:meme|stable)? ?coins?\b|\b(?:crypto)? ?currency\b"
)
DAO = r"\bdaos?\b"

# The longest first: a fungible token is part of a non-fungible one.
KINDS = (GOVERNOR, *NUMBERED.values(), *NAMED.values(), COINS, DAO)

_END = r"(?: (?:functions?|functionality|capabilit(?:y|ies)|features?|methods?|options?|extensions?|support))?\b"
_TOKENS = r"(?: (?:their|his|own|the|its|all|token|tokens|nfts?|coins?|items?)){0,4}"
_MORE = r"(?: (?:new|more|additional|further) (?:tokens?|supply|nfts?|coins?|ones|items?))?"
FEATURES = {
    "flashmint": rf"\bflash ?mint(?:s|ing|able)?{_END}|\berc ?3156\b",
    "mintable": rf"\bminter_role\b|\b(?:safe ?)?mint(?:s|ed|ers?|ing|able)?{_MORE}{_END}",
    "burnable": rf"\bburn(?:s|ed|t|ing|able)?{_TOKENS}{_END}|\bdestroy(?:ed|able)?{_TOKENS}\b",
    "pausable": rf"\bpauser_role\b|\b(?:un ?)?paus(?:e|es|ed|ers?|ing|able|eable)(?:{_TOKENS} transfers?)?{_END}"
    r"|\bemergency stop\b",
    "permit": rf"\bpermits?{_END}|\b(?:eip|erc) ?2612\b|\bgas ?less approvals?\b",
    "votes": r"\bvot(?:es?|ing)(?: (?:powers?|rights?|weights?|capabilit(?:y|ies)|support|extension))?\b"
    r"|\berc(?:20|721)votes\b|\bdelegat(?:e|es|ion)\b|\bon ?chain governance\b",
    "callback": r"\b(?:eip|erc) ?1363\b|\btransfer ?and ?call\b",
    "enumerable": r"\benumera(?:ble|tion)\b",
    "uriStorage": r"\b(?:each|every) [\w\x1f]+ (?:has|having|with) (?:its|a|an) (?:own|unique|individual) "
    r"(?:token )?(?:metadata ?uri|metadata|uri)\b|\buri ?storage\b|\bset(?:ting)? (?:the )?token ?uris?\b"
    r"|\b(?:per token|individual|own|unique) (?:token )?(?:uris?|metadata)(?: per token)?\b",
    "incremental": r"\bauto ?increment(?:ed|ing|al)?(?: (?:token )?ids?)?\b|\b(?:sequential"
    r"|incremental) (?:token )?ids?\b",
    "supply": r"\bsupply tracking\b|\btrack(?:s|ing|ed)?(?: of)?(?: the)?(?: total)? suppl(?:y|ies)\b",
    "updatableUri": r"\bupdate?able (?:token |metadata )?uri\b|\b(?:set|update|change)(?: the)? ?uri\b"
    r"|\bchangeable uri\b",
    "timelock": r"\btime ?lock(?:s|ed|controller)?(?: controller)?\b",
    "settings": r"\b(?:update?able|changeable) settings\b",
    "storage": r"\bproposal storage\b",
}

ACCESS = {
    "managed": r"\baccess ?manage[dr]\b|\bmanaged access(?: control)?\b|\bcentral authority\b",
    "roles": r"\b(?:only )?(?:(?:the|a|an|with|separate|different) )?(?:(?:mint|paus|admin)(?:er|istrator)?s? roles?"
    r"|minters?|pausers?"
    r"|(?:role based )?access ?control(?: with roles)?|rbac|role based(?: (?:access|permissions?))?|roles?)(?: can"
    r"| may)?\b|\b(?:\w+_role|only_?role)\b",
    "ownable": r"\bownable\b|\bonly ?owner\b|\bownership\b|\bsingle owner\b",
}
# It may be anybody who is entitled, in whichever way.
OWNER = (
    r"\b(?:only )?(?:(?:the|an|its|contract) ){0,3}(?:owner|owned|deployer|creator|admin)(?:'s)?(?: (?:only|alone"
    r"|can|may)){0,3}\b"
)
UPGRADEABLE = r"\bupgrade?able\b|\bupgrades?\b|\buups\b|\b(?:transparent )?prox(?:y|ies)\b"

# What is asked for often, and what the wizard cannot write: how people are told, and how it is known.
UNSERVED = {
    "lending": r"\b(?:lend|borrow)(?:s|ing|ers?)?\b|\b(?:flash ?)?loans?\b|\bcollateral\w*|\bliquidat\w+",
    "exchanging": r"\b(?:dex|amm|swap(?:s|ping)?|exchanges?|liquidity|order ?book)\b",
    "staking": r"\b(?:un)?stak(?:e|es|ed|ing|ers?)\b|\byield\b|\bfarm(?:s|ing)?\b|\bvaults?\b|\binterest\b",
    "vesting": r"\bvest(?:s|ed|ing)?\b|\b(?<!time\s)(?<!time-)lock(?:s|ed|ing|ups?)?\b|\bcliff\b|\bescrow\b",
    "taxes and fees": r"\btax(?:es|ed|ation)?\b|\bfees?\b|\bcommissions?\b|\btreasury\b",
    "sharing out": r"\bdividends?\b|\breflections?\b|\b(?:re)?distribut\w+|\bairdrop\w*|\bcashback\b",
    "a supply that changes by itself": r"\b(?:de|in)flation\w*|\bhalving\b|\belastic\b|\bemissions?\b|\brebas\w+"
    r"|\bbuy ?backs?\b|\bbonding curve\b",
    "selling": r"\b(?:pre|crowd)? ?sales?\b|\bsell(?:s|ing)?\b|\bbuy(?:s|ing|able)?\b|\bpric(?:es?|ed|ing)\b"
    r"|\bpurchas\w+"
    r"|\bpay(?:s|able|ing|ments?)?\b|\bauctions?\b|\bbids?\b|\bmarket ?place\b|\bi[cd]o\b|\brefunds?\b|\bcosts?\b"
    r"|\bwithdraw\w*|\bdeposits?\b",
    "royalties": r"\broyalt(?:y|ies)\b|\b(?:erc|eip) ?2981\b",
    "lists of accounts": r"\b(?:white|allow|black|block|deny) ?list(?:s|ed|ing)?\b|\bmerkle\b|\bkyc\b|\bsanction\w*",
    "limits for holders": r"\banti ?(?:whale|bot|snipe)\b|\bcool ?downs?\b|\bmax(?:imum)? (?:wallet|transaction"
    r"|transfer|tx|per)\b",
    "tokens that cannot be transferred": r"\bsoul ?bound\b|\b(?:non|un|not|cannot be|can't be"
    r"|never be) ?transferr?(?:able|ed)\b"
    r"|\b(?:no|without|disabled?) transfers?\b|\bonly (?:the )?(?:owner|admin|deployer) (?:can|may) (?:transfer"
    r"|send)\b",
    "minting by anybody": r"\b(?:any ?one|any ?body|every ?one|every ?body|users?|public(?:ly)?) (?:can |may |to "
    r"|could )?(?:freely )?"
    r"mint\w*|\bmintable by (?:any ?one|any ?body|every ?one|every ?body|the public)\b|\bfaucet\b",
    "burning by the owner": r"\b(?:only )?(?:the )?(?:owner|admin|deployer) (?:can|may) (?:\w+ and )?burn\b"
    r"|\bforced? burn\w*"
    r"|\bburnable (?:only )?by (?:only )?(?:the )?(?:owner|admin|deployer)\b",
    "prices and randomness from outside": r"\boracles?\b|\bchainlink\b|\brandom\w*|\bvrf\b|\blotter(?:y|ies)\b"
    r"|\braffles?\b"
    r"|\bgambl\w+|\bbett?ing\b",
    "several signers": r"\bmulti ?sig(?:nature)?s?\b|\bwallets?\b",
    "bridging": r"\bbridg\w+|\bcross ?chain\b|\blayer ?zero\b|\bomni ?chain\b",
    "revealing": r"\breveal(?:s|ed|ing)?\b|\bon ?chain (?:svg|metadata|art)\b",
    "renting": r"\brent\w*|\bsubscri\w+|\bexpir\w+",
    "snapshots": r"\bsnapshots?\b",
}
# What may stand beside features that are understood, and what then changes them in ways that are not.
CONDITIONS = (
    r"\b(?:if|unless|until|whenever|every|each|per|daily|weekly|monthly|yearly|annual\w*|only|automatic\w*|except)\b"
    r"|\b(?:erc|eip) ?\d+\w*|\b(?:solana|spl|rust|vyper|cairo|anchor)\b"
)

# What says nothing that would not be so anyway.
BY_THE_WAY = (
    r"(?<!be\s)\bminted(?: initially| upfront)?(?= to\b)",
    r"\bpragma solidity\b[^;\n]*;?",
    r"\bsolidity(?: version)? ?[\^>=~v]*(?:0\.\d+(?:\.\d+)?)?(?: or (?:later|newer|higher|above))?",
    r"\bopen ?zeppelin(?:'s)?(?: (?:contracts?|library|libraries|wizard|standards?)){0,3}(?: v?\d+(?:\.(?:\d+|x))*)?",
    r"\b(?:avalanche|fuji|basecamp|ethereum|sepolia|polygon|amoy)\b",
    r"\b(?:evm|mainnet|testnets?|blockchains?|networks?|chains?|compatible)\b",
    r"\bmit licen[sc]ed?\b|\bspdx\b",
    r"\b(?:nothing|no|without any) (?:else|fancy|extras)\b",
    r"\b(?:no|without any) (?:other|extra|additional|special) (?:features?|functions?|functionality)\b",
    r"\bwhen (?:i|we) deploy\b|\b(?:at|on|upon|during|after) (?:deploy(?:ment)?|construction|launch)\b",
    r"\bto (?:me|myself|(?:the )?(?:owner|deployer|creator|recipient)|my (?:wallet|account|address))\b|\bmsg\.sender\b",
    r"\bnot only\b|\bbut also\b",
)
FILLER = frozenset(
    """
    a able about add added adding adds again all allow allowance allowances allowed allowing allows also an and any
    approval approve are as at back balance balances base based basic be been being best both build but by can clean
    code coin collection complete compliance compliant comply contain containing contains contract contracts could
    create created creates creating creation custom deploy deployed deploying deployment describe design develop
    developed do does done easy enable enabled enables ensure etc example extension extensions extra feature
    features fine follow following follows for from full fully function functionality functions future generate
    generated generic get give gives good great has have having he hello help hi holder holders i id ids implement
    implementation implemented implementing implements import imports in include included includes including inherit
    inherits initial initially into is issue issued it item items its itself just keep kind kindly launch let
    library like list look make makes me methods minimal modern more must my name named need needed needs new nft
    nfts nice normal now of offer on one ones optimized or order other our out over own owners owns people
    permission permissions plain please possible power production project proper properly provide provides public
    put quality ready really regular required requirement requirements respectively restricted safe safely secure
    security see send sending sends set should simple simply single smart so solidity some something special
    standard standards start starts such suitable supply support supported supporting supports sure symbol take
    takes test tested testing than thank thanks that the their them then there these they thing things this those
    through to together token tokens too total transfer transferable transferred transferring transfers type under
    up us usable use used useful user users uses using usual utility valid value very via want wanted wants was way
    we well what where which who whole whose will wish with within without work working works would write written
    you your
    """.split()  # noqa: SIM905  (a list would take a line for each)
)
