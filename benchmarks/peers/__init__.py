"""The peers: the floors and the trackers that rolltape is measured against, each driven the way its users drive it."""
