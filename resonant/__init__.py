"""Decisions, command builders, parsers and clients; imports no Prefect."""
