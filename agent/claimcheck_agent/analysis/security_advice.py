"""What bandit's findings are called, and what is to be done about each, by the number of its test."""

from typing import NamedTuple


class Advice(NamedTuple):
    """The name of an issue, and what is to be done about it."""

    issue: str
    recommendation: str


OTHER = "Review this line, and use a safer alternative or limit what can reach it."

_PASSWORD = Advice("Hard-coded password", "Read it from the environment or a secret store, and change it: it is known.")
_PICKLE = Advice(
    "Deserialization of data that may be untrusted", "Use a data format such as JSON, or check a signature first."
)
_WEAK_HASH = Advice("Weak hash", "Use SHA-256, or a password hash such as Argon2; else say usedforsecurity=False.")
_WEAK_CIPHER = Advice("Weak cipher", "Use an authenticated cipher such as AES-GCM or ChaCha20-Poly1305.")
_XML = Advice("XML parser open to attacks", "Parse XML that is not your own with the package defusedxml.")
_SHELL = Advice(
    "Command run by a shell", "Pass a list of arguments, without a shell, so that no text becomes a command."
)
_CLEAR_TEXT = Advice("Protocol without encryption", "Use one with encryption, such as SSH or HTTPS.")
_INJECTION = "Use parameterized queries, so that values never become part of the statement."
_SSL = Advice("Outdated version of TLS", "Use ssl.create_default_context(), which takes current versions only.")
_TEMPORARY = Advice("Predictable temporary file", "Use tempfile.NamedTemporaryFile, mkstemp or mkdtemp.")
_AUTOESCAPE = Advice(
    "Template without escaping", "Escape what is put into HTML: turn autoescape on, and mark no input as safe."
)
_HOST_KEYS = Advice("Host key is not checked", "Load the known host keys, and reject others.")

BY_TEST = {
    "B101": Advice("Assertion outside of tests", "Raise an exception: python -O leaves assertions out."),
    "B102": Advice("Code is executed from a text", "Call what is meant directly, or choose it from a mapping."),
    "B103": Advice("File open to others", "Give the mode that the owner needs, such as 0o600."),
    "B104": Advice("Binds to all interfaces", "Bind to 127.0.0.1, or make the address a setting."),
    "B105": _PASSWORD,
    "B106": _PASSWORD,
    "B107": _PASSWORD,
    "B108": _TEMPORARY,
    "B110": Advice("Exception is swallowed", "Catch the one that is expected, and log or handle it."),
    "B112": Advice("Exception is swallowed", "Catch the one that is expected, and log or handle it."),
    "B113": Advice(
        "Request without a time-out", "Give a timeout, so that a silent server does not hold it up for ever."
    ),
    "B201": Advice("Flask debugger is on", "Turn debug off: its console runs any code for whoever reaches it."),
    "B202": Advice("Archive may write outside of its folder", 'Extract with filter="data".'),
    "B301": _PICKLE,
    "B302": _PICKLE,
    "B303": _WEAK_HASH,
    "B304": _WEAK_CIPHER,
    "B305": _WEAK_CIPHER,
    "B306": _TEMPORARY,
    "B307": Advice("Code is evaluated from a text", "Use ast.literal_eval for values, or a parser for expressions."),
    "B308": _AUTOESCAPE,
    "B310": Advice("URL of any scheme is opened", "Check that the URL begins with https:// before it is opened."),
    "B311": Advice("Random numbers that can be predicted", "Use the module secrets for tokens, keys and passwords."),
    "B312": _CLEAR_TEXT,
    "B313": _XML,
    "B314": _XML,
    "B315": _XML,
    "B316": _XML,
    "B317": _XML,
    "B318": _XML,
    "B319": _XML,
    "B321": _CLEAR_TEXT,
    "B323": Advice("Certificates are not checked", "Use ssl.create_default_context()."),
    "B324": _WEAK_HASH,
    "B401": _CLEAR_TEXT,
    "B402": _CLEAR_TEXT,
    "B411": _XML,
    "B412": Advice("CGI, whose requests can set a proxy", "Serve the application by WSGI or ASGI."),
    "B413": Advice("Cryptography that is not maintained", "Use the package cryptography."),
    "B415": _CLEAR_TEXT,
    "B501": Advice("Certificates are not checked", "Leave verify on, or give it the certificate to trust."),
    "B502": _SSL,
    "B503": _SSL,
    "B504": _SSL,
    "B505": Advice("Weak key", "Use RSA or DSA keys of 2048 bits or more, or elliptic curves of 224 or more."),
    "B506": Advice("YAML that can make any object", "Use yaml.safe_load."),
    "B507": _HOST_KEYS,
    "B508": Advice("SNMP without encryption", "Use SNMP version 3."),
    "B509": Advice("SNMP without authentication or privacy", "Give SNMP version 3 both keys."),
    "B601": Advice("Remote command made of a text", "Quote each argument with shlex.quote."),
    "B602": _SHELL,
    "B604": _SHELL,
    "B605": _SHELL,
    "B606": Advice("Process is started", "Make sure that nothing of it comes from input."),
    "B607": Advice("Program without its full path", "Name its full path, or set PATH to what is trusted."),
    "B608": Advice("SQL injection", _INJECTION),
    "B609": Advice("Wildcard in a command", "Name the files: some names are taken for options."),
    "B610": Advice("SQL injection", _INJECTION),
    "B611": Advice("SQL injection", _INJECTION),
    "B612": Advice("Logging is configured over the network", "Give listen() a function that verifies what comes."),
    "B613": Advice("Text that hides its direction", "Remove the control characters: the code is not what it seems."),
    "B614": _PICKLE,
    "B615": Advice("Model without a fixed revision", "Name the revision that was looked at."),
    "B701": _AUTOESCAPE,
    "B702": _AUTOESCAPE,
    "B703": _AUTOESCAPE,
    "B704": _AUTOESCAPE,
}


def advice_for(test: str, name: str) -> Advice:
    """Give the advice for one of bandit's tests by its number, or else something general, by its name."""
    return BY_TEST.get(test) or Advice(name.replace("_", " ").capitalize(), OTHER)
