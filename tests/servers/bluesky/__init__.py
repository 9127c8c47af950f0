"""A Bluesky PDS and its PLC directory, started from npm's `@atproto/dev-env`."""
