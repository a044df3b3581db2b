"""ClickHouse as a store: tapes are loaded into it, and the same questions are answered from it."""
