"""One use case a module, run inside the caller's transaction, so that bus, page, chat and timer do it in the same way."""
