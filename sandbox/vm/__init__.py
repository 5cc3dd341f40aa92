"""Machines: containers that behave as virtual machines of the cloud, with systemd, sshd, cloud-init and their own Docker."""
