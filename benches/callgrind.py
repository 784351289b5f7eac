"""Reads what `valgrind --tool=callgrind --dump-instr=yes` has written: instructions by file, function and object."""

import re
import subprocess
from collections import Counter
from pathlib import Path

NAMED = re.compile(r"(c?)(fn|ob|fl|fi|fe)=\((\d+)\)(?: (.*))?")


def read(out, ours):
    """What was spent in itself by each function; of objects below the folders `ours` by what was inlined there, when they
    have the lines."""
    by_address = costs(out)
    wanted = {}
    for _, _, thing, address in by_address:
        if any(Path(thing).resolve().is_relative_to(folder) for folder in ours):
            wanted.setdefault(thing, set()).add(address)
    inlined = {thing: resolved(thing, sorted(addresses)) for thing, addresses in wanted.items()}
    spent = Counter()
    for (where, function, thing, address), instructions in by_address.items():
        where, function = inlined.get(thing, {}).get(address, (where, function))
        spent[where, function, Path(thing).name] += instructions
    if not spent:
        raise ValueError("callgrind has counted nothing")
    return spent


def costs(out):
    """Instructions by file, function, object and address. The format: valgrind's manual, "Callgrind Format Specification"."""
    names, now, spent = {}, {"fl": "???", "fn": "???", "ob": "???"}, Counter()
    address, skip = 0, False
    for line in Path(out).read_text(errors="replace").splitlines():
        found = NAMED.match(line)
        if found:
            called, kind, number, name = found.groups()
            family = kind if kind in ("fn", "ob") else "fl"
            if name is not None:
                names[family, number] = name
            if not called:
                now[family] = names[family, number]
        elif line.startswith("calls="):
            # What the called function spent is its own.
            skip = True
        elif line[:1] in "0123456789+-*" and line:
            place, _, instructions = line.split(" ")[:3] if line.count(" ") >= 2 else (*line.split(" "), "0")
            if place.startswith(("+", "-")):
                address += int(place, 16)
            elif place != "*":
                address = int(place, 16)
            if not skip:
                spent[now["fl"], now["fn"], now["ob"], address] += int(instructions)
            skip = False
    return spent


def resolved(program, addresses):
    """For each address of a program or library the innermost function that is the project's own, and not of Rust's library."""
    text = "".join(f"{address:#x}\n" for address in addresses)
    said = subprocess.run(["addr2line", "-a", "-i", "-f", "-C", "-e", program], input=text, capture_output=True, text=True, check=False)
    found, chain = {}, []
    lines = said.stdout.splitlines() if said.returncode == 0 else []
    for line in [*lines, "0x"]:
        if not line.startswith("0x"):
            chain.append(line)
            continue
        frames = [(where.split(":")[0], function) for function, where in zip(chain[1::2], chain[2::2], strict=False)]
        own = [frame for frame in frames if not frame[0].startswith(("/rustc/", "?"))]
        if own:
            found[int(chain[0], 16)] = own[0]
        chain = [line]
    return found
