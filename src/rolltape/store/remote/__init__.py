"""A store that is read through a server: the answers in the form that both sides know, and the side that asks."""
