"""The training loop, once for all methods: stages, recipes, checkpoints and resume."""
