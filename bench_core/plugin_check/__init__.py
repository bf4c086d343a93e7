"""The conformance suite as a command: in a process of its own, with a checklist as its result."""
