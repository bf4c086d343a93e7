"""Where the process of `bench` begins: small, so that Ctrl-C is handled from the first moment."""

import os
import signal

# What Python does by itself is a traceback. Nothing has been begun that would need cleaning up.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, lambda _number, _frame: os._exit(128 + signal.SIGINT))


def main() -> None:
    """Run `bench` with the arguments of this process, and end it."""
    import sys

    from bench_core.system import interruption

    interruption.end_at_once()

    from bench_core.cli.main import run_process

    sys.exit(run_process(sys.argv[1:]))
