"""Writes the files of the package that are made from the Rust code.

    python generate.py reasons      python/wswarden/_reason.py, from the core's table of reasons
    python generate.py stubs        python/wswarden/_core.pyi, from the classes of the extension

Each is printed; `make generate` puts it in place, and the tests compare.
"""

import importlib.machinery
import importlib.util
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).resolve().parent

REASONS = '''"""The table of reasons. Generated from the core's by `generate.py`: do not edit."""

from enum import Enum


class Reason(str, Enum):
    """Why something was refused, dropped or closed: a string, the reason's name, which also stands in logs,
    metrics, problem documents and error replies.
    """

    @property
    def number(self) -> int:
        """The pinned number; one that is retired is never used again."""
        return _FACTS[self.value][0]

    @property
    def status(self) -> int:
        """The status of the HTTP answer, when it is given before the 101."""
        return _FACTS[self.value][1]

    @property
    def close_code_rfc(self) -> int:
        """The code of the close frame in the dialects "rfc" and "guide"."""
        return _FACTS[self.value][2]

    @property
    def close_code_app(self) -> int:
        """The code of the close frame in the dialect "app"."""
        return _FACTS[self.value][3]

    @property
    def retry(self) -> str:
        """What the peer should do next: "never", "now", "backoff", "after_delay" or "with_new_credential"."""
        return _FACTS[self.value][4]

    @property
    def sentence(self) -> str:
        """One sentence for people."""
        return _FACTS[self.value][5]

    __str__ = str.__str__

'''

# The annotations that are written by hand in the Rust code name these.
IMPORTS = """from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from os import PathLike
from typing import Any, Literal, NoReturn, Self
from typing_extensions import Buffer
from wswarden._types import Action, Answer, Verdict
"""


def reasons() -> str:
    """The enum of reasons."""
    members, facts = [], []
    for row in extension().reason_table():
        name, sentence = row["name"], row["sentence"]
        members.append(f'    {str(name).upper()} = "{name}"\n    """{sentence}"""\n')
        numbers = ", ".join(str(row[column]) for column in ("number", "status", "close_code_rfc", "close_code_app"))
        facts.append(f'    "{name}": ({numbers}, "{row["retry"]}", "{sentence}"),\n')
    table = "\n\n_FACTS: dict[str, tuple[int, int, int, int, str, str]] = {\n" + "".join(facts) + "}\n"
    return REASONS + "".join(members) + table


def extension() -> ModuleType:
    """The extension alone: the package is not imported, as it needs what is made here."""
    package = importlib.util.find_spec("wswarden")
    path = str(next(Path(package.submodule_search_locations[0]).glob("_core*.so")))
    loader = importlib.machinery.ExtensionFileLoader("_core", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("_core", loader))
    loader.exec_module(module)
    return module


def stubs(*options: str) -> str:
    """The types of the extension; `options` are maturin's."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["maturin", "generate-stubs", "--quiet", "--out", folder, *options]
        # In a source distribution the project's file stands one level up.
        project = next(place for place in (HERE, HERE.parent) if (place / "pyproject.toml").exists())
        subprocess.run(command, check=True, stdout=sys.stderr, cwd=project)
        text = next(Path(folder).rglob("_core.pyi")).read_text()
    # Types written by hand are quoted; in a stub they need not be.
    text = re.sub(r'((?:: |-> ))"([^"\n]+)"', r"\1\2", text)
    # A subclass makes objects of its own class.
    text = re.sub(r"(def __new__\(.*\) -> )\w+:", r"\1Self:", text)
    text = with_match_args(text)
    head, imports, rest = text.partition("\nfrom ")
    return f"{head}\n{IMPORTS}{imports[1:]}{rest}"


def with_match_args(text: str) -> str:
    """Type checkers want the very names by which a class is matched."""
    module, kind, lines = extension(), None, []
    for line in text.splitlines(keepends=True):
        if named := re.match(r"class (\w+)", line):
            kind = getattr(module, named[1])
        if "__match_args__" in line:
            line = f"    __match_args__ = {kind.__match_args__!r}\n"
        lines.append(line)
    return "".join(lines)


def main() -> None:
    kind, *options = sys.argv[1:] or [""]
    make = {"reasons": reasons, "stubs": stubs}.get(kind)
    if make is None:
        sys.exit(__doc__)
    print(make(*options), end="")


if __name__ == "__main__":
    main()
