"""Programs that run on the VM: standard library only, one file each, sent as text; `resonant.commands.on_vm` builds the command."""
