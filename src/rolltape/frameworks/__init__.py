"""One file per RL framework: its own hook, translated to a run. Each imports its framework when it is imported."""
