"""The evaluation functions that the field's scripts call, with their signatures and results.

Change the import line of a `test.py`; see docs/dropin.md for what stays the same and what differs.
Nothing heavy is loaded before a function is called, and torch never is.
"""

from bench_core.dropin.agw import eval_llcm as eval_llcm
from bench_core.dropin.agw import eval_regdb as eval_regdb
from bench_core.dropin.agw import eval_sysu as eval_sysu
from bench_core.dropin.record import Record as Record
