"""The two libraries that the checks of run.py are about, and programs that use them."""

import os
import shutil
import subprocess
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
