"""Identity beyond exact evidence: links that are only probable, and off unless asked for."""
