"""Sending tapes to a server that collects them. The tape is the queue: nothing else is kept."""
