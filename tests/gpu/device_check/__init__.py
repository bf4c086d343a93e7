"""What `make gpu` does on a machine with a CUDA device; `tests/gpu/run.py` starts it."""
