"""The Claude Messages API as the `anthropic` SDK speaks it, answered by a rehearsal model: no account, no cost, the same every time."""
