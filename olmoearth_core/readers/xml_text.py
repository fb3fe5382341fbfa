"""XML of strangers: bounded, without declarations by which a few bytes grow to gigabytes or read other files."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from olmoearth_core.errors import DataError


def xml_root(content: bytes, where: str, *, most_bytes: int) -> ElementTree.Element:
    """Parse a small XML file. where: its place, for messages.

    Raises:
        DataError: it is larger than `most_bytes`, no XML in UTF-8, or declares a document type or entities.
    """
    if len(content) > most_bytes:
        raise DataError(f"{where}: more than {most_bytes >> 20} MiB, expected far less. Is it damaged?")
    try:
        # As text, so that no other encoding can hide a declaration.
        text = content.decode("utf-8-sig")
        if re.search(r"<!\s*(DOCTYPE|ENTITY)", text, re.IGNORECASE):
            raise DataError(f"{where}: declares a document type, which no product does. Fetch it from its provider.")
        return ElementTree.fromstring(text)
    except (UnicodeDecodeError, ElementTree.ParseError, ValueError, RecursionError) as error:
        raise DataError(f"{where}: cannot be read as XML ({error}). Fetch the product again.") from error
