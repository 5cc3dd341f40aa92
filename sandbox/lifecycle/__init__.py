"""Bringing a checkout's sandbox up, showing it, and taking it down."""
