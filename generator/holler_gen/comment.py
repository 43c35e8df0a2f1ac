"""Making comments of a schema into comments of C++ that cannot be anything else."""

from __future__ import annotations

import re
import unicodedata

_DOC_LINE = re.compile(r"(?m)^([ \t]*///)(.*)$")


def clean(text: str) -> str:
    """`text` as the rest of a `//` comment: on one line, ending there, and showing what it is."""
    # Control and format characters: a carriage return would end the comment for some compilers,
    # a bidirectional override would show a reader something else than the compiler sees.
    text = text.replace("\t", " ")
    text = "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    text = text.rstrip()
    # A backslash, or the trigraph for it, would take the next line into the comment.
    return text + " ." if text.endswith(("\\", "??/")) else text


def doc_lines(doc: tuple[str, ...]) -> list[str]:
    """The lines of a doc comment in C++."""
    lines = (clean(line) for line in doc)
    return [f"/// {line.removeprefix(' ')}".rstrip() for line in lines]


def clean_header(text: str) -> str:
    """A header that flatc wrote, in which it repeats a schema's comments as they are."""
    return _DOC_LINE.sub(lambda match: match.group(1) + clean(match.group(2)), text)
