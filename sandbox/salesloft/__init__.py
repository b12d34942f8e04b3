"""A Salesloft to develop and test against: a real HTTP server that is as strict and as odd as the real API.

It knows nothing of the service that uses it, so it can judge that service: its journal says what was really written.
"""
