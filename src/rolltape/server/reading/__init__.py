"""The routes by which another rolltape reads: the answers of the store itself, bit for bit."""
