"""The intent bridge: takes pending intents from PostgreSQL, asks Claude, and stores the answer or the reason of the failure."""
