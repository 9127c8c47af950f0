"""How warm a reply reads: a frozen, versioned, offline scorer of English text, and the step that runs it."""
