"""Passwords, as they are hashed outside of tests."""

from importlib.util import find_spec, module_from_spec


def test_hashes_are_those_of_the_low_memory_profile() -> None:
    """RFC 9106, 4: Argon2id of 64 MiB, three passes and four lanes; for all other tests they are made cheaper."""
    spec = find_spec("chalicelib.accounts.passwords")
    assert spec
    assert spec.loader
    passwords = module_from_spec(spec)
    spec.loader.exec_module(passwords)
    stored = passwords.hash_password("correct horse")
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.verify("correct horse", stored)
    assert not passwords.verify("wrong horse", stored)
