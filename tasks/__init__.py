"""The visible steps: thin tasks over plain functions, one module per outside system."""
