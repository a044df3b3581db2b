"""Stand-ins for the APIs of other trackers: a script that was written for one of them writes tapes."""
