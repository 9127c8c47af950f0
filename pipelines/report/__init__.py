"""The verdict for people: terminal card and HTML report, both from the published snapshot alone."""
