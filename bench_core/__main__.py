"""`python -m bench_core`: the same as `bench`."""

from __future__ import annotations

from bench_start import main

if __name__ == "__main__":
    main()
