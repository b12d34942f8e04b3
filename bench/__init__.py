"""How fast and how large the service is, and whether its parts hold together, on real neighbours."""
