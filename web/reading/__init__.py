"""Resources that are looked at and not changed, read as the api role of the caller's organization alone."""
