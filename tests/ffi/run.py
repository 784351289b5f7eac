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
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = ROOT / "tests" / "ffi"
FFI = ROOT / "bindings-ffi"
OUT = ROOT / "target" / "ffi"
PREFIX, TESTING, BIN = OUT / "prefix", OUT / "testing", OUT / "tests"

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"]
VALGRIND = ["valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full", "--show-leak-kinds=definite,indirect",
            "--errors-for-leak-kinds=definite,indirect", f"--suppressions={HERE / 'valgrind.supp'}"]

checks = []


def check(function):
    """Registers a check: it passes when it returns, and fails when it raises."""
    checks.append(function)
    return function


def run(*command, env=None, expect=0, cwd=ROOT, minutes=10, quiet=False):
    """Runs a command, which must end with the expected status; what it printed."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=os.environ | (env or {}), text=True,
                          errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60 * minutes)
    if done.returncode != expect:
        raise AssertionError(f"{' '.join(map(str, command))}\nended with {done.returncode}, expected {expect}\n{done.stdout[-6000:]}")
    if done.stdout.strip() and not quiet:
        print(done.stdout.strip()[-1500:])
    return done.stdout


def compiled(name, source, *flags, compiler="g++", library=None, sanitize=False):
    """Compiles a program against the headers in the tree and the library for tests, or the installed one."""
    library = library or TESTING
    BIN.mkdir(parents=True, exist_ok=True)
    program = BIN / name
    extra = SANITIZE if sanitize else []
    standard = [flag for flag in flags if not flag.startswith("-l")]
    libraries = [flag for flag in flags if flag.startswith("-l")]
    run(compiler, "-g", "-O1", *STRICT, *extra, *standard, "-I", FFI / "include", source, "-o", program, "-L", library,
        "-lwswarden", *libraries, "-pthread", f"-Wl,-rpath,{library}")
    return program


def build():
    """Both libraries, each by the profile that no other feature set of this crate is built with: a cdylib has one name."""
    run("cmake", "-S", FFI, "-B", OUT / "cmake", f"-DCMAKE_INSTALL_PREFIX={PREFIX}", "-DCMAKE_INSTALL_LIBDIR=lib", quiet=True)
    run("cmake", "--build", OUT / "cmake", minutes=20, quiet=True)
    run("cmake", "--install", OUT / "cmake", quiet=True)
    run("cargo", "build", "--locked", "-q", "-p", "wswarden-ffi", "--features", "testing", minutes=20)
    # As tests/run.py builds them, so that nothing is built twice.
    run("cargo", "build", "--locked", "-q", "--workspace", "--bins", minutes=20)
    TESTING.mkdir(parents=True, exist_ok=True)
    library = TESTING / "libwswarden.so"
    library.unlink(missing_ok=True)
    shutil.copy(ROOT / "target" / "debug" / "libwswarden.so", library)
    soname(library).unlink(missing_ok=True)
    soname(library).symlink_to("libwswarden.so")


def soname(library):
    """The name that programs look for."""
    for line in subprocess.run(["readelf", "-d", library], capture_output=True, text=True, check=True).stdout.splitlines():
        if "SONAME" in line:
            return library.parent / line.split("[")[1].split("]")[0]
    raise AssertionError(f"{library} has no soname")


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
def the_abi_is_what_is_committed():
    seen = run(sys.executable, FFI / "tools" / "abi.py", quiet=True)
    kept = (FFI / "abi.txt").read_text()
    changes = difflib.unified_diff(kept.splitlines(), seen.splitlines(), "abi.txt", "wswarden.h", lineterm="")
    assert seen == kept, "\n".join([*changes, "run `make generate`, and think of those who will not compile again"])


@check
def the_documentation_is_whole():
    run("doxygen", FFI / "Doxyfile")
    page = (ROOT / "target" / "doxygen" / "html" / "wswarden_8h.html").read_text()
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
    env = {"CMAKE_PREFIX_PATH": str(PREFIX), "PKG_CONFIG_PATH": str(PREFIX / "lib" / "pkgconfig")}
    folder = OUT / "consumer"
    shutil.rmtree(folder, ignore_errors=True)
    run("cmake", "-S", HERE / "consumer", "-B", folder, env=env, quiet=True)
    run("cmake", "--build", folder, env=env, quiet=True)
    for program in ("by_config", "by_config_static", "by_pkg_config", "by_config_cpp"):
        run(folder / program, env={"LD_LIBRARY_PATH": str(PREFIX / "lib")})
    linked = run("ldd", folder / "by_config_static", quiet=True)
    assert "libwswarden" not in linked, linked


@check
def misuse_is_a_status():
    run(compiled("misuse", HERE / "misuse.cpp", "-std=c++17"), FFI / "symbols.txt")
    run(compiled("misuse20", HERE / "misuse.cpp", "-std=c++20"), FFI / "symbols.txt")


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
