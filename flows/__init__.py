"""The stories: one file, one flow; what a person triggers and watches."""
