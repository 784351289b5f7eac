#!/usr/bin/env python3
"""Builds the C library as it ships and a second one for tests, and tries everything that C and C++ programs do with it.

    tests/ffi/run.py [NAME ...]        all checks by default, or those whose name has one of these in it

The library that ships is installed by CMake into target/ffi/prefix; the one for tests (feature `testing`: forced
panics, the conformance protocol's other questions) stands in target/ffi/testing. The last line says how many checks
passed and failed. Only the standard library is used.
"""

import difflib
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager

from built import BIN, FFI, HERE, OUT, PREFIX, ROOT, STRICT, TESTING, VALGRIND, build, compiled, run, soname
from strangers import strangers

checks = []


def check(function):
    """Registers a check: it passes when it returns, and fails when it raises."""
    checks.append(function)
    return function


# What the generated Kotlin, Ruby, Python and Swift call.
UNIFFI = ("uniffi_", "ffi_", "UNIFFI_META_")


@check
def only_what_is_meant_is_exported():
    lines = run("nm", "-D", "--defined-only", PREFIX / "lib" / "libwswarden.so", quiet=True).splitlines()
    names = sorted(line.split()[-1] for line in lines)
    ours = [name for name in names if not name.startswith(UNIFFI)]
    assert ours == (FFI / "symbols.txt").read_text().split(), f"exported: {ours}"
    assert soname(PREFIX / "lib" / "libwswarden.so").name == "libwswarden.so.0.1"


@check
def what_is_under_another_licence_is_named():
    crates = run("cargo", "tree", "--offline", "--locked", "-p", "wswarden-ffi", "-e", "normal", "--prefix", "none", "--format",
                 "{p}, {l}", quiet=True)
    # What only runs in the compiler is not in the library.
    linked = {line.split(",")[0].replace(" v", " ") for line in crates.splitlines() if "MPL-2.0" in line and "proc-macro" not in line}
    notice = (PREFIX / "share" / "doc" / "wswarden" / "NOTICE").read_text().splitlines()
    assert linked and linked == {line.strip() for line in notice if line.startswith("    ")}, linked


@check
def the_abi_is_what_is_committed():
    seen = run(sys.executable, FFI / "tools" / "abi.py", quiet=True)
    kept = (FFI / "abi.txt").read_text()
    changes = difflib.unified_diff(kept.splitlines(), seen.splitlines(), "abi.txt", "wswarden.h", lineterm="")
    assert seen == kept, "\n".join([*changes, "run `make generate`, and think of those who will not compile again"])


@check
def the_documentation_is_whole():
    # As in a fresh checkout, where nothing was built.
    folder = OUT / "doxygen"
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("README.md", "Doxyfile", "include"):
        copy = shutil.copytree if (FFI / name).is_dir() else shutil.copy
        (folder / FFI.name).mkdir(parents=True, exist_ok=True)
        copy(FFI / name, folder / FFI.name / name)
    run("doxygen", "bindings-ffi/Doxyfile", cwd=folder)
    page = (folder / FFI.name / "doxygen" / "html" / "wswarden_8h.html").read_text()
    missing = [name for name in (FFI / "symbols.txt").read_text().split() if name not in page]
    assert not missing, f"not on the page: {missing}"


@check
def headers_are_clean_in_every_standard():
    for compiler, standards in (("gcc", ("c99", "c11", "gnu17")), ("g++", ("c++17", "c++20"))):
        for standard in standards:
            for flags in ([], ["-fno-exceptions"]) if compiler == "g++" else ([],):
                for header in sorted((FFI / "include").glob("*.h" if compiler == "gcc" else "*.h*")):
                    if header.name.endswith("beast.hpp") and flags:
                        continue
                    run(compiler, f"-std={standard}", *STRICT, *flags, "-I", FFI / "include", "-fsyntax-only", "-x",
                        "c" if compiler == "gcc" else "c++", "-include", header, "/dev/null")


@check
def the_smallest_program_runs():
    for standard in ("c99", "c11"):
        program = compiled("minimal", FFI / "examples" / "minimal.c", f"-std={standard}", compiler="gcc", library=PREFIX / "lib")
        said = run(program)
        assert "101 Switching Protocols" in said and "deliver chat" in said and '"code":"schema_violation"' in said


@check
def a_consumer_finds_it_by_cmake_and_by_pkg_config():
    consumed(PREFIX, PREFIX / "lib", OUT / "consumer")


@check
def a_consumer_finds_it_where_it_is_installed_to():
    # The prefix is chosen when it is installed, as the README does it, and the libraries stand deeper, as Debian has them.
    build, place, library = OUT / "cmake-elsewhere", OUT / "elsewhere", "lib/x86_64-linux-gnu"
    shutil.rmtree(place, ignore_errors=True)
    run("cmake", "-S", FFI, "-B", build, f"-DCMAKE_INSTALL_LIBDIR={library}", quiet=True)
    run("cmake", "--install", build, "--prefix", place, quiet=True)
    consumed(place, place / library, OUT / "consumer-elsewhere")
    # And with the README's line for a place that the loader does not know.
    env = {"PKG_CONFIG_PATH": str(place / library / "pkgconfig")}
    flags = "$(pkg-config --cflags --libs wswarden) -Wl,-rpath,$(pkg-config --variable=libdir wswarden)"
    run("sh", "-c", f"cc {HERE / 'consumer' / 'main.c'} {flags} -o by_hand && ./by_hand", env=env, cwd=OUT / "consumer-elsewhere")


def consumed(prefix, library, folder):
    """Builds somebody else's project with what is installed, and runs it."""
    env = {"CMAKE_PREFIX_PATH": str(prefix), "PKG_CONFIG_PATH": str(library / "pkgconfig")}
    shutil.rmtree(folder, ignore_errors=True)
    run("cmake", "-S", HERE / "consumer", "-B", folder, env=env, quiet=True)
    run("cmake", "--build", folder, env=env, quiet=True)
    for program in ("by_config", "by_config_static", "by_pkg_config", "by_config_cpp"):
        run(folder / program, env={"LD_LIBRARY_PATH": str(library)})
    linked = run("ldd", folder / "by_config_static", quiet=True)
    assert "libwswarden" not in linked, linked


@check
def a_pointer_is_no_literal():
    # Of a pointer, `sizeof` would tell its own size.
    for compiler, language, standard in (("gcc", "c", "c99"), ("g++", "c++", "c++17")):
        for argument, is_good in (('"chat"', True), ('""', True), ("pointer", False), ("array", False)):
            source = BIN / f"literal.{language}"
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_text("#include <wswarden.h>\nwsw_str text(const char *pointer);\nwsw_str text(const char *pointer) {\n"
                              f"static const char array[] = \"chat\";\n(void)pointer, (void)array;\nreturn WSW_STR({argument});\n}}\n")
            run(compiler, "-x", language, f"-std={standard}", *STRICT, "-I", FFI / "include", "-fsyntax-only", source,
                expect=0 if is_good else 1, quiet=True)


@check
def the_readmes_figures_are_the_datas():
    lines = (ROOT / "benches" / "data" / "c.tsv").read_text().splitlines()
    data = {tuple(fields[1:3]): float(fields[3]) for fields in (line.split("\t") for line in lines) if fields[0] == "c"}
    subjects = ("wswarden, schema alone", "wswarden, session with limits", "yyjson, parsing alone", "simdjson, parsing alone")
    rows = [line.strip("| ").split(" | ") for line in (FFI / "README.md").read_text().splitlines() if line.startswith("| ")]
    shown = {row[0].split(",")[0]: [int(cell.replace(",", "")) for cell in row[2:]] for row in rows if row[-1][0].isdigit()}
    for case in ("S", "M", "L", "LA", "R"):
        measured = [round(data[case, subject]) for subject in subjects]
        assert shown.get(case) == measured, f"{case}: {shown.get(case)}, measured {measured}"


@check
def the_readmes_samples_run():
    # What stands there is cut out, compiled and run, by the sanitizer's eyes.
    for readme, name in ((FFI / "README.md", "tape"), (ROOT / "README.md", "verdict")):
        found = [block.split("```")[0] for block in readme.read_text().split("```c\n")[1:]]
        sample = [block for block in found if {"tape": "wsw_tape_entries", "verdict": "wsw_registry_receive("}[name] in block]
        assert len(sample) == 1, f"{readme} has {len(sample)} samples about the {name}"
        BIN.mkdir(parents=True, exist_ok=True)
        (BIN / f"{name}_sample.inc").write_text(sample[0])
    run(compiled("samples", HERE / "samples.c", "-std=c99", f"-I{BIN}", compiler="gcc", sanitize=True, library=PREFIX / "lib"))


@check
def misuse_is_a_status():
    run(compiled("misuse", HERE / "misuse.cpp", "-std=c++17"), FFI / "symbols.txt")
    run(compiled("misuse20", HERE / "misuse.cpp", "-std=c++20"), FFI / "symbols.txt")


@check
def forks_are_seen_without_the_kernels_help():
    # One that is too old says no to the advice; an emulator may say yes, and not follow it.
    program = compiled("misuse", HERE / "misuse.cpp", "-std=c++17")
    for answer in (-1, 0):
        source, library = BIN / "madvise.c", BIN / "madvise.so"
        source.write_text(f"int madvise(void *at, unsigned long size, int advice);\n"
                          f"int madvise(void *at, unsigned long size, int advice) {{ (void)at, (void)size, (void)advice; return {answer}; }}\n")
        run("gcc", "-shared", "-fPIC", source, "-o", library)
        run(program, "--libc-alone", env={"LD_PRELOAD": str(library)})


@check
def schemas_tapes_and_tokens():
    run(compiled("tape", HERE / "tape.cpp", "-std=c++17"))
    run(compiled("tape-asan", HERE / "tape.cpp", "-std=c++20", sanitize=True))
    run(*VALGRIND, BIN / "tape")


@check
def the_wrapper_owns_what_it_holds():
    run(compiled("wrapper", HERE / "wrapper.cpp", "-std=c++17", sanitize=True))
    run(compiled("wrapper20", HERE / "wrapper.cpp", "-std=c++20", sanitize=True))


@check
def misuse_by_the_address_sanitizer():
    program = compiled("misuse-asan", HERE / "misuse.cpp", "-std=c++17", sanitize=True)
    run(program, FFI / "symbols.txt")
    # A sanitizer that is off would be as quiet.
    found = run(program, "--planted-fault", expect=1, quiet=True)
    assert "heap-use-after-free" in found, found


@check
def misuse_by_valgrind():
    run(*VALGRIND, BIN / "misuse", FFI / "symbols.txt")
    found = run(*VALGRIND, BIN / "misuse", "--planted-fault", expect=99, quiet=True)
    assert "Invalid read" in found, found


def vectors(name, script):
    """Asks a runner every shared vector; `script` starts it."""
    if script is not None:
        starter = BIN / f"conform-{name}"
        starter.write_text(f"#!/bin/sh\n{script}\n")
        starter.chmod(0o755)
    else:
        starter = ROOT / "tests" / "conform" / name
    only = [] if script is None else ["the_program_answers"]
    said = run("cargo", "test", "--locked", "-q", "-p", "wswarden-tests", "--test", "vectors", *only,
               env={"WSWARDEN_CONFORM": str(starter)}, minutes=15)
    assert "test result: ok" in said and "running 0 tests" not in said, said


@check
def the_vectors_in_c():
    compiled("wswarden-conform", HERE / "conform" / "main.cpp", "-std=c++17")
    vectors("c", None)


@check
def the_vectors_in_c_by_the_address_sanitizer():
    program = compiled("wswarden-conform-asan", HERE / "conform" / "main.cpp", "-std=c++20", sanitize=True)
    vectors("asan", f'exec "{program}"')


@check
def the_vectors_in_c_by_valgrind():
    vectors("valgrind", " ".join(["exec", *VALGRIND, f'"{BIN / "wswarden-conform"}"']))


# What the border may add to the core's own work for a message: an atomic exchange, which is the lock and the checks for a
# panic and a fork at once, and the checks of pointers.
BORDER = 45


@check
def the_border_is_thin():
    program = compiled("border", HERE / "border.cpp", "-std=c++17", library=PREFIX / "lib")
    counts = OUT / "border.callgrind"
    run("valgrind", "--tool=callgrind", "--toggle-collect=wsw_registry_receive", f"--callgrind-out-file={counts}", program, quiet=True)
    # Its own instructions, without those of what it calls.
    lines = run("callgrind_annotate", "--show-percs=no", counts, quiet=True).splitlines()
    own = sum(int(line.split()[0].replace(",", "")) for line in lines if line.split("[")[0].rstrip().endswith(":wsw_registry_receive"))
    print(f"the border takes {own // 1000} instructions a message")
    assert 0 < own <= BORDER * 1000, lines[:20]


def bindings(language):
    """UniFFI's bindings for a language, made from the library for tests."""
    folder = OUT / "uniffi" / language
    shutil.rmtree(folder, ignore_errors=True)
    run(ROOT / "target" / "debug" / "wswarden-bindgen", "generate", TESTING / "libwswarden.so", "--language", language,
        "--out-dir", folder, "--no-format", quiet=True)
    return folder


def beside(folder):
    """Python's bindings look for the library beside themselves."""
    (folder / "libwswarden.so").symlink_to(TESTING / "libwswarden.so")
    return folder


@check
def the_vectors_in_ruby():
    folder = bindings("ruby")
    vectors("ruby", f'export LD_LIBRARY_PATH="{TESTING}"\nexec ruby -I "{folder}" "{HERE / "ruby" / "conform.rb"}"')


JARS = "/usr/share/java/jna.jar:/usr/share/java/gson.jar"


@check
def the_vectors_in_kotlin():
    folder, jar = bindings("kotlin"), BIN / "conform.jar"
    compiler = HERE / "kotlin" / "node_modules" / "kotlin-compiler" / "bin" / "kotlinc"
    run("bash", compiler, "-nowarn", "-cp", JARS, *folder.rglob("*.kt"), *sorted((HERE / "kotlin").glob("*.kt")),
        "-include-runtime", "-d", jar)
    vectors("kotlin", f'exec java -Djna.library.path="{TESTING}" -cp "{jar}:{JARS}" ConformKt')


@check
def python_by_uniffi_runs():
    run(sys.executable, HERE / "python.py", env={"PYTHONPATH": str(beside(bindings("python")))})


@check
def swift_is_what_is_committed():
    fresh, kept = bindings("swift"), FFI / "swift"
    names = sorted(path.name for path in fresh.iterdir())
    assert names == sorted(path.name for path in kept.iterdir() if path.name != "README.md"), names
    for name in names:
        assert (fresh / name).read_text() == (kept / name).read_text(), f"{name} differs: run `make generate`"


@contextmanager
def server(program):
    """A server over TLS, which has to drain at the end."""
    sys.path.insert(0, str(ROOT / "tests" / "e2e"))
    import driver

    os.environ["WSW_SERVER"] = f"{HERE / 'serve.py'} {program}"
    with driver.Server(OUT / "e2e") as running:
        yield running
        assert running.drain() == 0, running.output()[-2000:]


def attack(running, *options):
    """Everything the attack program has, or what the options leave of it; each outcome has its code."""
    program = ROOT / "target" / "debug" / "wswarden-attack"
    done = subprocess.run([program, "--no-skip", *options, running.target], stdout=subprocess.PIPE, text=True, timeout=300)
    wrong = [line for line in done.stdout.splitlines() if not line.startswith(("ok ", "skip "))]
    assert done.returncode == 0, "\n".join(wrong)
    print(wrong[-1])


@check
def beasts_requests_are_judged_as_their_bytes():
    run(compiled("beast-adapter", HERE / "beast_adapter.cpp", "-std=c++17", library=PREFIX / "lib"))


@check
def the_beast_server_holds():
    program = compiled("beast", FFI / "examples" / "beast.cpp", "-std=c++17", "-lssl", "-lcrypto", library=PREFIX / "lib")
    with server(program) as running:
        strangers(running)
        attack(running)
        clients(running, "tests/e2e/test_demo.py")


# What the server above libwebsockets 4.1 is asked, and answers. What is not here it never sees whole: libwebsockets has
# parsers of its own for HTTP and frames, which are lax, and closes as it likes when more comes behind a fault.
LWS_ASKED = ["control.*", "credential.*", "token.*", "origin.*", "message.*", "cap.*", "heartbeat.*"]
LWS_ITSELF = ["credential.subprotocol-not-allowed", "origin.empty", "origin.old-header", "message.many-fragments",
              "message.empty-fragments", "message.one-mebibyte"]
# The same of what stock clients try.
LWS_CLIENTS = "delivered or taken or two_users or query or cookie or printed or 401 or repeats or foreign_origin or 4408"


@check
def the_libwebsockets_server_holds_where_it_is_asked():
    flags = run("pkg-config", "--cflags", "--libs", "libwebsockets", quiet=True).split()
    program = compiled("lws", FFI / "examples" / "lws.c", "-std=gnu11", *flags, compiler="gcc", library=PREFIX / "lib")
    with server(program) as running:
        strangers(running)
        skipped = "skip = [" + "".join(f'"{name}", ' for name in LWS_ITSELF)
        running.target.write_text(running.target.read_text().replace("skip = [", skipped))
        attack(running, "--only", ",".join(LWS_ASKED))
        clients(running, "tests/e2e/test_demo.py", "-k", LWS_CLIENTS)


def clients(running, *what):
    """Stock clients, in Python."""
    run(ROOT / ".venv" / "bin" / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *what,
        env={"WSW_E2E": str(running.e2e), "PYTHONDONTWRITEBYTECODE": "1"})


def main(names):
    if names == ["build"]:
        return build()
    failed = 0
    try:
        build()
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        print(f"FAIL build\n{error}\n0 passed, 1 failed")
        sys.exit(1)
    chosen = [check for check in checks if not names or any(name in check.__name__ for name in names)]
    for one in chosen:
        began = time.monotonic()
        try:
            one()
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            failed += 1
            print(f"FAIL {one.__name__}\n{error}", flush=True)
        else:
            print(f"ok   {one.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
    print(f"\n{len(chosen) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
