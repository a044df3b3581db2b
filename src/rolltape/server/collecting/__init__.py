"""Collecting tapes that other machines write: `rolltape serve`."""
