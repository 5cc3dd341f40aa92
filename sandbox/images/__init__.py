"""The images of the sandbox: bases, the machine, the tools, and stand-ins where no image registry answers."""
