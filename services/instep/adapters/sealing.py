"""Seals bytes with a passphrase: scrypt (RFC 7914) makes the key, AES-256-GCM encrypts, and SHA-256 finds damage.

instep-publisher 1      the form of the file, a line; a change of anything below changes the number
salt                    16 bytes
nonce                   12 bytes
ciphertext with its tag
SHA-256                 32 bytes, of everything before: tells a damaged file from a wrong passphrase
"""

from __future__ import annotations

import hashlib
import secrets
import unicodedata

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from instep.errors import FileFormatError

FORM = b"instep-publisher 1\n"
LARGEST = 2**31 - 2**16
"""Bytes that AES-GCM seals at once."""
LOG_N = 17
"""As OWASP advises for scrypt: a guess takes 128 MiB and a third of a second."""
_ANY_FORM = FORM.partition(b" ")[0]
_SALT, _NONCE, _DIGEST = 16, 12, 32


def seal(content: bytes, passphrase: str) -> bytes:
    """The sealed file. Raises FileFormatError for content of more than LARGEST bytes."""
    if len(content) > LARGEST:
        raise FileFormatError("The memory is larger than 2 GB, and cannot be sealed in a file.")
    salt, nonce = secrets.token_bytes(_SALT), secrets.token_bytes(_NONCE)
    head = FORM + salt + nonce
    body = head + _cipher(passphrase, salt).encrypt(nonce, content, head)
    return body + hashlib.sha256(body).digest()


def unseal(file: bytes, passphrase: str, named: str) -> bytes:
    """The content. Raises FileFormatError for a damaged file, a file of another form, and a wrong passphrase.

    `named` is the name of the file in these errors.
    """
    body, digest = file[:-_DIGEST], file[-_DIGEST:]
    if not file.startswith(_ANY_FORM):
        raise FileFormatError(f"{named} was not written by `instep publisher export`.")
    if hashlib.sha256(body).digest() != digest:
        raise FileFormatError(f"{named} is cut off or damaged: copy the file again, or export again.")
    if not file.startswith(FORM):
        raise FileFormatError(f"{named} was sealed by a newer version of Instep: upgrade this one.")
    salt_end = len(FORM) + _SALT
    head_end = salt_end + _NONCE
    salt, nonce = body[len(FORM) : salt_end], body[salt_end:head_end]
    try:
        return _cipher(passphrase, salt).decrypt(nonce, body[head_end:], body[:head_end])
    except (InvalidTag, ValueError):
        raise FileFormatError(f"{named} does not open with this passphrase.") from None


def _cipher(passphrase: str, salt: bytes) -> AESGCM:
    # Keyboards differ in how they write an accent.
    typed = unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogatepass")
    return AESGCM(Scrypt(salt=salt, length=32, n=2**LOG_N, r=8, p=1).derive(typed))
