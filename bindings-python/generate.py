"""Writes ``python/wswarden/_reason.py`` from the core's table of reasons.

    python generate.py            prints the file; `make generate` puts it in place
"""

import importlib.machinery
import importlib.util
from pathlib import Path

HEAD = '''"""The table of reasons. Generated from the core's by ``generate.py``: do not edit."""

from enum import Enum


class Reason(str, Enum):
    """Why something was refused, dropped or closed: a string, the reason's name, which also stands in logs,
    metrics, problem documents and error replies.
    """

    number: int
    """The pinned number; one that is retired is never used again."""
    status: int
    """The status of the HTTP answer, when it is given before the 101."""
    close_code_rfc: int
    """The code of the close frame in the dialects "rfc" and "guide"."""
    close_code_app: int
    """The code of the close frame in the dialect "app"."""
    retry: str
    """What the peer should do next: "never", "now", "backoff", "after_delay" or "with_new_credential"."""
    sentence: str
    """One sentence for people."""

    def __new__(
        cls, name: str, number: int, status: int, close_code_rfc: int, close_code_app: int, retry: str, sentence: str
    ) -> "Reason":
        reason = str.__new__(cls, name)
        reason._value_ = name
        reason.number = number
        reason.status = status
        reason.close_code_rfc = close_code_rfc
        reason.close_code_app = close_code_app
        reason.retry = retry
        reason.sentence = sentence
        return reason

    __str__ = str.__str__

'''


def constant(name: str) -> str:
    """``BadRequest`` as ``BAD_REQUEST``; what is already a name of the table, ``bad_request``."""
    return name.upper()


def reason_table() -> list[dict[str, object]]:
    """The core's table. The package itself is not imported, as it needs what is written here."""
    spec = importlib.util.find_spec("wswarden")
    path = str(next(Path(spec.submodule_search_locations[0]).glob("_core*.so")))
    loader = importlib.machinery.ExtensionFileLoader("_core", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("_core", loader))
    loader.exec_module(module)
    return module.reason_table()


def main() -> None:
    rows = []
    for row in reason_table():
        values = ", ".join(
            f'"{row[key]}"' if isinstance(row[key], str) else str(row[key])
            for key in ("name", "number", "status", "close_code_rfc", "close_code_app", "retry")
        )
        rows.append(f'    {constant(str(row["name"]))} = ({values}, "{row["sentence"]}")\n')
        rows.append(f'    """{row["sentence"]}"""\n')
    print(HEAD + "".join(rows), end="")


if __name__ == "__main__":
    main()
