"""One use case a module, run inside the caller's transaction: bus, page, chat and timer do it in the same way."""
