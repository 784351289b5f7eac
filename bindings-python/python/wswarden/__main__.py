"""``python -m wswarden``: the command line, the same as that of the binary."""

import signal
import sys

from ._core import run

# The commands end by Ctrl-C as programs do; Python's own handler would wait for them.
signal.signal(signal.SIGINT, signal.SIG_DFL)
sys.exit(run(["wswarden", *sys.argv[1:]]))
