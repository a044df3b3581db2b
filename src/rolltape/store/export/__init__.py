"""Points for other tools: Arrow, Parquet, CSV, JSON lines, SQL."""
