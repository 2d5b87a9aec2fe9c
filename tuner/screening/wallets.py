"""Wallets of cryptocurrencies, by the checksums in their addresses. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from tuner.screening.kinds import Found

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_RIPPLE = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_LONG = re.compile(r"[A-Za-z0-9]{25}")
_TOKEN58 = re.compile(r"(?<![A-Za-z0-9])[1-9A-HJ-NP-Za-km-z]{25,36}(?![A-Za-z0-9])")
_TOKEN32 = re.compile(r"(?i)(?<![a-z0-9])(?:bc|tb|ltc|addr|cosmos|osmo)1[02-9ac-hj-np-z]{30,110}(?![a-z0-9])")
_ETHER = re.compile(r"(?<![A-Za-z0-9])0x[0-9a-fA-F]{40}(?![A-Za-z0-9])")
_MONERO = re.compile(
    r"(?<![A-Za-z0-9])[48][0-9AB][1-9A-HJ-NP-Za-km-z]{93}(?:[1-9A-HJ-NP-Za-km-z]{11})?(?![A-Za-z0-9])"
)
_SOLANA = re.compile(
    r"(?<![A-Za-z0-9/_-])(?=[A-Za-z]{0,43}[0-9])[1-9A-HJ-NP-Za-km-z]{32,44}(?![A-Za-z0-9/_-])"
)
_SOLANA_WORDS = re.compile(
    r"(?i)\bsol(?:ana)?\b|wallet|phantom|\bspl\b|address|кошел|ウォレット|钱包|錢包|cartera|portefeuille|carteira|brieftasche|portfel|donat|\btip|send"
)
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32_ENDS = (1, 0x2BC830A3)  # of bech32 and of bech32m


def wallets(text: str) -> Iterator[Found]:
    if not _LONG.search(text):
        return
    for pattern in (_ETHER, _MONERO):
        for match in pattern.finditer(text):
            yield Found("wallet", *match.span())
    for match in _TOKEN58.finditer(text):
        if is_base58(match[0], _BASE58) or (match[0][0] == "r" and is_base58(match[0], _RIPPLE)):
            yield Found("wallet", *match.span())
    for match in _TOKEN32.finditer(text):
        if is_bech32(match[0]):
            yield Found("wallet", *match.span())
    if _SOLANA_WORDS.search(text):
        for match in _SOLANA.finditer(text):
            if len(_bytes58(match[0], _BASE58).lstrip(b"\0")) in (31, 32) and not match[0].islower():
                yield Found("wallet", *match.span())


def is_base58(address: str, alphabet: str) -> bool:
    """Whether the last four bytes are the hash of the others; there are 21 of those."""
    if not set(address) <= set(alphabet):
        return False
    decoded = _bytes58(address, alphabet).rjust(25, b"\0")
    hashed = hashlib.sha256(hashlib.sha256(decoded[:-4]).digest()).digest()
    return len(decoded) == 25 and hashed[:4] == decoded[-4:]


def is_bech32(address: str) -> bool:
    """The checksum of BIP 173 or of BIP 350."""
    prefix, _, data = address.lower().rpartition("1")
    values = [_BECH32.index(c) for c in data]
    expanded = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix] + values
    check = 1
    for value in expanded:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATORS):
            check ^= generator if top >> bit & 1 else 0
    return check in _BECH32_ENDS


def _bytes58(address: str, alphabet: str) -> bytes:
    number = 0
    for letter in address:
        number = number * 58 + alphabet.index(letter)
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
