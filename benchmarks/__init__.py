"""What rolltape promises about cost, measured: the hot path, size, memory, batches, kill -9, start-up, and the peers.

Run ``python -m benchmarks`` (or ``make bench``) from the root of the project. Every measurement runs in a fresh
child process; promises about time are ratios to a floor or a peer of the same run, because machines differ.
"""
