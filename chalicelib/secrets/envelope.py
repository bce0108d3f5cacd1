"""Envelope encryption: a data key from KMS for each version, AES-256-GCM, both bound to what the secret is.

The encryption context of the data key and the additional data of the cipher name project, type and version, so that
a ciphertext or a key moved to another row or version does not open. No plaintext key outlives a call.
"""

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import SecretStr

from chalicelib import aws
from chalicelib.errors import EncryptionFailed, EncryptionUnavailable
from chalicelib.settings import settings
from chalicelib.strict_json import canonical

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SCHEME = "aes256gcm-kms-1"
NONCE_BYTES = 12
_TAMPERED = {"InvalidCiphertextException", "IncorrectKeyException"}


@dataclass(frozen=True, slots=True)
class Subject:
    """What a secret is: the fields it is bound to."""

    project_id: str
    type: str
    version: int

    @property
    def context(self) -> dict[str, str]:
        """KMS's encryption context; not secret, and logged by CloudTrail."""
        return {"project": self.project_id, "type": self.type, "version": str(self.version)}

    @property
    def additional_data(self) -> bytes:
        """The same for the cipher."""
        return canonical({**self.context, "scheme": SCHEME})


@dataclass(frozen=True, kw_only=True, slots=True)
class Sealed:
    """What is stored of a secret."""

    ciphertext: bytes
    nonce: bytes
    wrapped_key: bytes
    key_id: str


def seal(plain: SecretStr, subject: Subject) -> Sealed:
    """Encrypt under a new data key.

    Raises:
        EncryptionUnavailable: KMS did not answer or refuses the key.
    """
    made = _kms("generate_data_key", KeyId=settings().kms_key_id, KeySpec="AES_256", EncryptionContext=subject.context)
    nonce = secrets.token_bytes(NONCE_BYTES)
    ciphertext = _cipher(made["Plaintext"]).encrypt(nonce, plain.get_secret_value().encode(), subject.additional_data)
    return Sealed(ciphertext=ciphertext, nonce=nonce, wrapped_key=made["CiphertextBlob"], key_id=made["KeyId"])


def open_sealed(sealed: Sealed, subject: Subject) -> SecretStr:
    """Decrypt.

    Raises:
        EncryptionFailed: it was sealed for another subject, or has been altered.
        EncryptionUnavailable: KMS did not answer or refuses the key.
    """
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415  as in _cipher

    # Naming the key refuses a data key that somebody wrapped under a key of their own.
    key = _kms("decrypt", KeyId=sealed.key_id, CiphertextBlob=sealed.wrapped_key, EncryptionContext=subject.context)
    try:
        plain = _cipher(key["Plaintext"]).decrypt(sealed.nonce, sealed.ciphertext, subject.additional_data)
    except InvalidTag as error:
        raise EncryptionFailed from error
    return SecretStr(plain.decode())


def rewrap(sealed: Sealed, subject: Subject) -> Sealed:
    """Put the data key under the present master key, inside KMS; the ciphertext stays as it is."""
    made = _kms(
        "re_encrypt",
        SourceKeyId=sealed.key_id,
        CiphertextBlob=sealed.wrapped_key,
        SourceEncryptionContext=subject.context,
        DestinationKeyId=settings().kms_key_id,
        DestinationEncryptionContext=subject.context,
    )
    return Sealed(
        ciphertext=sealed.ciphertext, nonce=sealed.nonce, wrapped_key=made["CiphertextBlob"], key_id=made["KeyId"]
    )


def _cipher(key: bytes) -> "AESGCM":
    # Imported when first needed: it takes a tenth of the app's cold start, and few requests open a secret.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    return AESGCM(key)


def _kms(operation: str, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401  botocore's arguments
    try:
        answer: dict[str, Any] = getattr(aws.kms(), operation)(**arguments)
    except ClientError as error:
        tampered = error.response.get("Error", {}).get("Code") in _TAMPERED
        raise (EncryptionFailed if tampered else EncryptionUnavailable) from error
    except BotoCoreError as error:
        raise EncryptionUnavailable from error
    return answer
