#!/usr/bin/env python3
"""Prints what a compiled program relies on: the layout of every struct and the value of every number in wswarden.h, as a
C compiler of a 64-bit machine sees them, and the functions' declarations.

    bindings-ffi/tools/abi.py > bindings-ffi/abi.txt

A line that changes breaks programs that are already built: that is a new minor version, while it is 0.x. A line that is
added breaks none, unless a struct without a size grows.
"""

import re
import subprocess
import tempfile
from pathlib import Path

INCLUDE = Path(__file__).resolve().parent.parent / "include"


def main():
    text = (INCLUDE / "wswarden.h").read_text()
    code = re.sub(r"/\*.*?\*/|//[^\n]*|^#.*?$", "", text, flags=re.S | re.M)
    program = ["#include <stdio.h>", "#include <wswarden.h>", "int main(void) {"]
    for name, body in re.findall(r"struct (wsw_\w+) \{(.*?)\n\}", code, re.S):
        program.append(f'printf("struct {name}: %zu bytes\\n", sizeof(struct {name}));')
        for field in re.findall(r"(\w+);", body):
            size = f"sizeof(((struct {name} *)0)->{field})"
            program.append(f'printf("    {field}: %zu at %zu\\n", {size}, offsetof(struct {name}, {field}));')
    for name, body in re.findall(r"enum (wsw_\w+)\s*(?::\s*\w+)?\s*\{(.*?)\n\};", code, re.S):
        program.append(f'puts("enum {name}");')
        for constant in re.findall(r"(WSW_\w+) = ", body):
            program.append(f'printf("    {constant} = %lld\\n", (long long){constant});')
    program.append("return 0; }")
    with tempfile.TemporaryDirectory() as folder:
        source, probe = Path(folder, "probe.c"), Path(folder, "probe")
        source.write_text("\n".join(program))
        subprocess.run(["cc", "-std=c11", "-I", INCLUDE, source, "-o", probe], check=True)
        print(subprocess.run([probe], capture_output=True, text=True, check=True).stdout, end="")
    for function in re.findall(r"^\w[\w \*]*?\bwsw_\w+\([^;{]*\);", code, re.M):
        print(" ".join(function.split()))


if __name__ == "__main__":
    main()
