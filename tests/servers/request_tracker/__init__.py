"""Request Tracker 5 on this machine."""
